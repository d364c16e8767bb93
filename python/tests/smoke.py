"""An installed package, used: the model that comes with it, a run, its tables; without pytest."""

import tempfile

import safeconf as sc

model = sc.Model("demo")
prompts = sc.load_benchmark("synthetic")[:6]
with tempfile.TemporaryDirectory() as folder:
    run = sc.run(model, prompts, sc.Adaptive(3, 6), max_new_tokens=16, out=folder + "/run")
    traces = run.traces(as_="records")
    assert len(traces) >= 18 and {row["verdict"] for row in traces} <= {
        "refusal", "partial", "compliance", "empty"
    }  # fmt: skip
    tokens = run.tokens(0, 0)
    assert len(tokens["ids"]) == len(tokens["confidence"]) > 0
    assert run.analysis["run"]["demo"] and "refused" in run.summary()
    assert (run.path / "report.html").stat().st_size > 10000
assert sc.detect(["x"], ["I cannot help with that."])[0].verdict == "refusal"
