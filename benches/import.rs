//! What an import takes: a folder of 400 agent files and 30 servers, read and made into a scenario; and the doctor on it.
//! `cargo bench --bench import`

use std::fs;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use mcplab::doctor::{Surroundings, examine};
use mcplab::import::{Catalogue, Project, Reading, import};

fn project(dir: &Path, agents: usize, servers: usize) {
    fs::create_dir_all(dir.join(".claude/agents")).expect("created");
    for i in 0..agents {
        let tools: Vec<String> = (0..4).map(|k| format!("mcp__server-{}__*", (i * 7 + k * 3) % servers)).collect();
        let body = "당신은 전문가입니다. Read the code, then answer.\n".repeat(40);
        let text = format!(
            "---\nname: agent-{i}\ndescription: \"Agent {i}: does its work 🔧\"\ntools: {}, Read\nmodel: sonnet\n---\n\n{body}",
            tools.join(", ")
        );
        fs::write(dir.join(format!(".claude/agents/agent-{i}.md")), text).expect("written");
    }
    let servers: Vec<String> = (0..servers)
        .map(|i| {
            format!("\"server-{i}\": {{ \"command\": \"npx\", \"args\": [\"-y\", \"server-{i}\"], \"env\": {{ \"KEY\": \"${{KEY}}\" }} }}")
        })
        .collect();
    fs::write(dir.join(".mcp.json"), format!("{{ \"mcpServers\": {{ {} }} }}", servers.join(",\n"))).expect("written");
}

fn bench(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a folder");
    project(dir.path(), 400, 30);
    let mut group = criterion.benchmark_group("import");
    group.sample_size(20);
    group.bench_function("400 agent files, 30 servers", |bencher| {
        bencher.iter(|| {
            let project = Project::read(dir.path(), &Reading::default()).expect("a project");
            import(&project, None, &Catalogue::built_in()).expect("a scenario")
        });
    });
    group.bench_function("doctor on 400 agent files, 30 servers", |bencher| {
        bencher.iter(|| {
            let project = Project::read(dir.path(), &Reading::default()).expect("a project");
            examine(&project, &Catalogue::built_in(), &Surroundings { budget: 25_000, ..Surroundings::default() })
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
