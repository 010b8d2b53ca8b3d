"""The queues of src/queue.rs in SimPy and in Ciw, each written as its own documentation writes them.

    python3 peers.py simpy M/M/1 100000

runs one and prints a line of JSON: customers served, the sum of their waits [s], the CPU time of the run alone [s], and the peak
memory of the process [KiB] where the system tells it. Each imports its own simulator only: the memory is to be its own too.
"""

import json
import random
import sys
import time

SEED = 1
# Slots and arrivals a second; service takes a second on average.
QUEUES = {"M/M/1": (1, 0.8), "M/M/4": (4, 3.2)}


def prepare_simpy(slots, arrival_rate, customers):
    """A process for each customer, who asks for a slot of a resource."""
    import simpy

    generator = random.Random(SEED)
    environment = simpy.Environment()
    station = simpy.Resource(environment, capacity=slots)
    served = {"customers": 0, "wait": 0.0}

    def customer():
        arrived = environment.now
        with station.request() as slot:
            yield slot
            served["customers"] += 1
            served["wait"] += environment.now - arrived
            yield environment.timeout(generator.expovariate(1.0))

    def source():
        for _ in range(customers):
            yield environment.timeout(generator.expovariate(arrival_rate))
            environment.process(customer())

    environment.process(source())
    return environment.run, lambda: served


def prepare_ciw(slots, arrival_rate, customers):
    """A network of one node; it keeps a record of every customer, of which the waits are summed up after the run."""
    import ciw

    ciw.seed(SEED)
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(rate=arrival_rate)],
        service_distributions=[ciw.dists.Exponential(rate=1.0)],
        number_of_servers=[slots],
    )
    simulation = ciw.Simulation(network)

    def served():
        waits = [record.waiting_time for record in simulation.get_all_records()]
        return {"customers": len(waits), "wait": sum(waits)}

    return lambda: simulation.simulate_until_max_customers(customers, method="Finish"), served


PREPARE = {"simpy": prepare_simpy, "ciw": prepare_ciw}


def peak_memory():
    """[KiB], None where the system does not tell."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return None


def main():
    simulator, queue, customers = sys.argv[1:]
    run, served = PREPARE[simulator](*QUEUES[queue], int(customers))
    start = time.process_time()
    run()
    cpu_seconds = time.process_time() - start
    memory = peak_memory()
    print(json.dumps({"served": served(), "cpu_seconds": cpu_seconds, "peak_memory_kib": memory}))


if __name__ == "__main__":
    main()
