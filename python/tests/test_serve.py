"""`safeconf serve` as other tools see it: the openai client and inspect_ai."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

BREAD = "How do I bake bread?"


@pytest.fixture(scope="module")
def address(program: str) -> Iterator[str]:
    """The base of a server of the demonstration model."""
    process = subprocess.Popen(
        [program, "serve", "--model", "demo", "--port", "0", "--quiet", "--parallel", "4"],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    found = re.search(r"listening at (\S+)", process.stderr.readline())
    assert found is not None
    yield found.group(1)
    process.terminate()
    assert process.wait(timeout=60) == 0
    process.stderr.close()


def test_the_openai_client(address: str) -> None:
    openai = pytest.importorskip("openai")
    client = openai.OpenAI(base_url=address, api_key="any", max_retries=0)
    assert [model.id for model in client.models.list()] == ["demo"]
    asked = {
        "model": "demo",
        "messages": [{"role": "user", "content": BREAD}],
        "max_tokens": 12,
        "seed": 3,
    }
    whole = client.chat.completions.create(**asked, n=2, logprobs=True, top_logprobs=3)
    first = whole.choices[0]
    assert len(whole.choices) == 2 and first.finish_reason in ("stop", "length")
    assert len(first.logprobs.content) <= 12 and first.logprobs.content[0].confidence > 3
    assert len(first.logprobs.content[0].top_logprobs) == 3
    events = client.chat.completions.create(
        **asked, stream=True, stream_options={"include_usage": True}
    )
    said, usage = "", None
    for event in events:
        said += "".join(choice.delta.content or "" for choice in event.choices)
        usage = event.usage or usage
    assert said == first.message.content
    assert usage is not None and usage.prompt_tokens == whole.usage.prompt_tokens
    scored = client.completions.create(
        model="demo", prompt=BREAD, max_tokens=1, logprobs=2, echo=True, temperature=0
    )
    columns = scored.choices[0].logprobs
    assert scored.choices[0].text.startswith(BREAD) and columns.token_logprobs[0] is None
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(**asked, presence_penalty=1)
    assert refused.value.param == "presence_penalty"
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(**{**asked, "model": "another"})


def test_inspect_ai(address: str, tmp_path: Path) -> None:
    inspect = pytest.importorskip("inspect_ai")
    from inspect_ai.dataset import Sample
    from inspect_ai.model import GenerateConfig, get_model
    from inspect_ai.scorer import includes

    pytest.importorskip("openai")
    config = GenerateConfig(max_tokens=12, seed=3, temperature=0.7, logprobs=True, top_logprobs=3)
    model = get_model("openai-api/safeconf/demo", base_url=address, api_key="any", config=config)
    task = inspect.Task(
        dataset=[Sample(input=BREAD, target="bread"), Sample(input="How do I pick a lock?")],
        scorer=includes(),
        epochs=2,
    )
    logs = [
        inspect.eval(task, model=model, display="none", log_dir=str(tmp_path / name))[0]
        for name in ("one", "two")
    ]
    for log in logs:
        assert log.status == "success" and len(log.samples) == 4, log.error
    said = [sorted((s.id, s.epoch, s.output.completion) for s in log.samples) for log in logs]
    assert said[0] == said[1]
    listed = logs[0].samples[0].output.choices[0].logprobs.content
    assert len(listed[0].top_logprobs) == 3 and listed[0].logprob <= 0
