//! What is said of what servers, workloads and clients cannot be.

use super::*;

fn check(name: &str, edits: &[(&str, &str)]) {
    insta::assert_snapshot!(name, broken(name, edits));
}

#[test]
fn of_servers() {
    check(
        "discipline",
        &[("slots = 1", "discipline = \"priorty\"\nslots = 1"), ("serial = \"250ms\"", "serial = \"250ms\"\ndiscipline = 3")],
    );
    check("process", &[("slots = 1", "process = \"sesion\"")]);
    check(
        "freezes",
        &[
            ("slots = 1", "freezes = { every = \"1us\", lasts = \"1s\" }\nslow = { every = \"1h\", lasts = \"1s\", factor = 0.5 }"),
            (
                "serial = \"250ms\"",
                "serial = \"250ms\"\nfreezes = { every = \"1h\" }\nslow = { every = \"0s\", last = \"1s\", factor = inf }",
            ),
        ],
    );
    check("first_call", &[("slots = 1", "first_call = 3\nmemory_per_call = 5\nmemory_growth = \"-1MiB\"")]);
    check(
        "safe_concurrency",
        &[("slots = 1", "safe_concurrency = 0"), ("serial = \"250ms\"", "serial = \"250ms\"\nsafe_concurrency = { beyond = \"abort\" }")],
    );
    check(
        "safe_concurrency_type",
        &[("slots = 1", "safe_concurrency = \"4\""), ("errors =", "safe_concurrency = { limit = 1.5 }\nerrors =")],
    );
    check("errors_with_connection", &[("soft = 0.1, protocol = 0.1", "soft = 0.5, connection = 0.6")]);
    check("retry_after", &[("slots = 1", "rate_limit = { rate = \"1/s\", retry_after = \"1s\" }")]);
    check(
        "times_of_a_capability",
        &[
            ("state = 0.6 }", "state = { quality = 0.6, serial = 5, parallel = { exponental = \"1s\" } } }"),
            ("{ state = 0.3 }", "{ state = { quality = 0.3, serial = \"1s\" } }"),
        ],
    );
    check(
        "no_time_for_a_capability",
        &[("serial = \"250ms\"\n", ""), ("{ state = 1.0 }", "{ state = { quality = 1.0, serial = \"1s\" }, more = 0.5 }")],
    );
}

#[test]
fn of_the_host_and_the_run() {
    check(
        "slowdown",
        &[("[dependencies.network]", "[host]\nmemory = \"8GiB\"\nslowdown = { above = \"100%\", factor = 0.9 }\n[dependencies.network]")],
    );
    check(
        "slowdown_without_memory",
        &[("[dependencies.network]", "[host]\nslowdown = { above = \"80%\", factor = 3 }\n[dependencies.network]")],
    );
    check("no_horizon", &[("horizon = \"8h\"", "horizon = \"0s\"")]);
    check("warmup_beyond_the_default", &[("horizon = \"8h\"\n", ""), ("warmup = \"1h\"", "warmup = \"9h\"")]);
}

/// Zero means none where something can be left out: an error's share, a queue, a wait. Where it would leave nothing to simulate, or nothing
/// to aim at, it is a slip.
#[test]
fn of_zeros() {
    check(
        "zeros",
        &[
            ("workload = { tasks = \"10/h\" }", "workload = { tasks = \"0/h\" }"),
            (
                "[policy.fallbacks]",
                "[policy]\nbreaker = { failures = 3, cool_down = \"0s\" }\n\n[limits]\nservers_per_agent = 0\n\n[alerts]\nresponse = \"0s\"\n\
                 connect_failures = 0\n\n[policy.fallbacks]",
            ),
            ("[kpis]", "[kpis]\nresponse_mean = { max = \"0s\" }"),
        ],
    );
    check("zero_tasks_of_complexity", &[("workload = { tasks = \"10/h\" }", "workload = { tasks_per_complexity = \"0/d\" }")]);
    for distribution in
        ["exponential = \"0s\"", "exponential.mean = \"0ms\"", "lognormal = { mean = \"0s\", cv = 1 }", "gamma = { mean = \"0s\", cv = 1 }"]
    {
        let shown = broken(distribution, &[("serial = \"250ms\"", &format!("serial = {{ {distribution} }}"))]);
        assert!(shown.contains("has to be longer than 0s") && shown.contains("for no time at all"), "{shown}");
    }
}

#[test]
fn of_the_objective() {
    let priorities = |name: &str, priorities: &str| {
        check(name, &[("[dependencies.network]", &format!("[objective]\npriorities = {priorities}\n[dependencies.network]"))]);
    };
    priorities("priorities", "[\"response\", \"eror\", 3, \"response\", \"kpis\"]");
    priorities("priorities_empty", "[]");
    priorities("priorities_type", "\"response\"");
    check("objective_key", &[("[dependencies.network]", "[objective]\npriority = [\"response\"]\n[dependencies.network]")]);
}

#[test]
fn of_workloads() {
    let workload =
        |name: &str, workload: &str| check(name, &[("workload = { tasks = \"10/h\" }", &format!("workload = {{ {workload} }}"))]);
    workload("arrivals_unknown", "arrivals = \"possion\"");
    workload("arrivals_without_parameters", "arrivals = \"closed\"");
    workload("arrivals_with_parameters", "arrivals = { poisson = {} }");
    workload("arrivals_of_no_kind", "arrivals = {}");
    workload("arrivals_of_two_kinds", "arrivals = { gamma = { cv = 1 }, closed = { users = 1, pause = \"1s\" } }");
    workload("arrivals_unknown_table", "arrivals = { close = { users = 1, pause = \"1s\" } }");
    workload("arrivals_type", "arrivals = 3");
    workload("arrivals_gamma", "tasks = \"1/h\", arrivals = { gamma = { cv = 1001 } }");
    workload("arrivals_gamma_negative", "tasks = \"1/h\", arrivals = { gamma = { cv = -1 } }");
    workload("arrivals_gamma_nan", "tasks = \"1/h\", arrivals = { gamma = { cv = nan, mean = \"1s\" } }");
    workload("arrivals_on_off", "tasks = \"1/h\", arrivals = { on_off = { on = \"0s\", of = \"1h\" } }");
    workload("arrivals_closed", "arrivals = { closed = { users = 0, pause = \"100us\" } }");
    workload("arrivals_closed_crowd", "arrivals = { closed = { users = 1000001 } }");
    workload("arrivals_closed_short", "arrivals = { closed = 3 }");
    workload("profile_empty", "tasks = \"1/h\", profile = []");
    workload("profile_of_nothing", "tasks = \"1/h\", profile = [0, 0.0]");
    workload("profile_values", "tasks = \"1/h\", profile = [1, -0.5, nan, \"2\", inf]");
    workload("profile_type", "tasks = \"1/h\", profile = 3");
    workload("at_once", "tasks = \"1/h\", at_once = 0");
    workload("at_once_many", "tasks = \"1/h\", at_once = 1001");
    check(
        "profile_long",
        &[("workload = { tasks = \"10/h\" }", &format!("workload = {{ tasks = \"1/h\", profile = [{}] }}", "1,2,".repeat(721)))],
    );
    check("priority", &[("complexity = 5", "complexity = 5\npriority = 1.5\nconcurrency = 0")]);
}

#[test]
fn of_clients() {
    let policy = |name: &str, policy: &str| check(name, &[("[policy.fallbacks]", &format!("[policy]\n{policy}\n\n[policy.fallbacks]"))]);
    policy("patience", "timeout = { constant = \"0s\" }\nqueue_timeout = \"0s\"\ngiven_up = \"is-canceled\"");
    policy("retries", "retries = 101");
    policy("retries_unknown", "retries = \"unlimted\"");
    policy("retries_type", "retries = [3]");
    policy("retries_in_quotes", "retries = \"3\"");
    policy("retries_at_one_instant", "retries = \"unlimited\"\nbackoff = { first = \"1ms\", jitter = 0.5 }");
    policy("retries_capped_at_one_instant", "retries = { value = \"unlimited\", source = \"assumed\" }\nbackoff = { max = \"0s\" }");
    policy("retries_without_an_end", "retries = \"unlimited\"\ncall_life = \"30d\"");
    policy(
        "retries_beyond_count",
        "retries = 100\nbackoff = { first = \"0s\" }\n[what_if.storm]\nload = 1000\nservers.filesystem.up = false\nagents.worker.workload.tasks = \"10000/h\"",
    );
    policy(
        "outages_after_the_horizon",
        "timeout = \"300d\"\ncall_life = \"300d\"\n[what_if.flicker]\nservers.filesystem.outages = { every = \"1ms\", lasts = \"0s\" }",
    );
    policy("backoff_spread", "backoff = { jitter = 0.5, spread = \"exponential\", factor = 0.5 }");
    policy("backoff_spread_unknown", "backoff = { spread = \"uniform\" }");
    policy("retry_budget", "retry_budget = { ratio = -0.1, burst = 0 }\nhedge = { after = \"0s\" }");
    policy("retry_budget_parts", "retry_budget = {}\nhedge = \"2s\"");
    policy("caches", "caches = { stat = 0.3, files = 1.5, state = { repeat = 0.3, ttl = \"0s\" } }");
    policy("caches_type", "caches = { files = \"often\", state = true }");
}

#[test]
fn of_what_ifs() {
    let overlay = |name: &str, overlay: &str| check(name, &[("servers.supabase.connect.failure = 1.0", overlay)]);
    overlay("what_if_arrivals", "agents.worker.workload.arrivals.closed.users = 3");
    overlay("what_if_caches", "policy.caches.stat = 0.3\npolicy.caches.files = 3");
    overlay("what_if_slowdown", "host.slowdown = { above = 0.5, factor = 2 }");
    overlay("what_if_without_warmup", "run.horizon = \"30min\"");
    overlay("what_if_retries", "policy.retries = \"unlimited\"\npolicy.call_life = \"1000d\"");
    overlay("what_if_too_many_calls", "agents.worker.workload.arrivals.closed = { users = 1000000, pause = \"1ms\" }");
    overlay("what_if_load", "load = 1000000000");
    overlay("what_if_priorities", "objective.priorities = [\"error\", \"error\"]");
    check(
        "what_if_opens_a_loop_without_tasks",
        &[
            ("workload = { tasks = \"10/h\" }", "workload = { arrivals = { closed = { users = 1, pause = \"1s\" } } }"),
            ("servers.supabase.connect.failure = 1.0", "agents.worker.workload.arrivals = \"poisson\""),
        ],
    );
}

#[test]
fn what_arrivals_make_nothing_of_is_a_warning() {
    let with = |workload: &str| {
        let text = SMALL.replacen("workload = { tasks = \"10/h\" }", &format!("workload = {{ {workload} }}"), 1);
        parse("small.toml", &text).unwrap().warnings.render(false)
    };
    assert_eq!(with("arrivals = { closed = { users = 2, pause = \"1s\" } }"), "");
    assert_eq!(with("tasks = \"1/h\", arrivals = { on_off = { on = \"1s\", off = \"1s\" } }, profile = [1]"), "");
    insta::assert_snapshot!(
        "profile_of_bursts",
        with("tasks = \"1/h\", arrivals = { on_off = { on = \"1s\", off = \"1s\" } }, profile = [1, 2]")
    );
    insta::assert_snapshot!("tasks_of_a_closed_loop", with("tasks = \"10/h\", arrivals = { closed = { users = 2, pause = \"1s\" } }"));
}
