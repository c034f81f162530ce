"""How quickly the page of `striate look` opens and answers, in Chromium.

    python benchmarks/look_page.py [--nets lenet5 resnet18] [--opens 5] [--repeats 60] [--json FILE]

LeNet-5 is trained for an epoch on the built-in digits, ResNet-18 has random weights at 224 pixels.
The page itself takes the times: from the start of a navigation, or from an event, to the second
frame after the answer is drawn; so an answer that takes no time counts as two frames and a little,
which the row `nothing` tells. The first opening meets a server that has just printed its link. Each
layer is chosen once, so that none of its answers is known yet.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from peers import describe_machine

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.look.browser.driving import SIZE, Server, chromium, go, settled

SCRIPT = Path(__file__).with_suffix(".js").read_text()
CONVOLUTION = {"lenet5": "c3", "resnet18": "layer4.1.conv2"}
"""The layer at which units, sliders and tabs are tried."""
TABS = ("filters", "spread", "numbers", "whatif", "maps")

Times = dict[str, list[float]]


def main() -> None:
    """Try each network, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--nets", nargs="+", default=[*CONVOLUTION], choices=[*CONVOLUTION])
    parser.add_argument("--opens", type=int, default=5, help="openings (default 5)")
    parser.add_argument("--repeats", type=int, default=60, help="of each interaction (default 60)")
    parser.add_argument("--json", type=Path, help="write all times into this file")
    options = parser.parse_args()
    machine = describe_machine()
    print(f"{machine['processor']}, {machine['cores']} cores, load {machine['load_average']:.2f}")
    every = {}
    with chromium() as browser:
        for name in options.nets:
            with opened(name) as server:
                every[name] = measured(browser, server, name, options.opens, options.repeats)
            print_table(name, every[name])
    if options.json:
        options.json.write_text(json.dumps({"machine": machine, "times_ms": every}, indent=1))


@contextmanager
def opened(name: str) -> Iterator[Server]:
    """Serve a network until it has been tried."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(trained(folder) if name == "lenet5" else name)
        try:
            yield server
        finally:
            server.stop()


def trained(folder: str) -> Path:
    """Train LeNet-5 for a moment."""
    from striate.train import Config, train

    return train(Config.make(net="lenet5", data="digits", epochs=1, out=folder)).path


def measured(browser: Any, server: Server, name: str, opens: int, repeats: int) -> Times:
    """Open the page some times, then do in it all that a reader does; milliseconds of each."""
    context = browser.new_context(viewport=SIZE)
    context.add_init_script(SCRIPT)
    page, openings = context.new_page(), []
    for _ in range(opens):
        page.goto("about:blank")
        page.goto(server.link)
        openings.append(page.evaluate("bench.opened()"))
    times: Times = {
        "first map, just started": openings[:1],
        "first map": openings[1:],
        "nothing": tried(page, "nothing()", repeats),
        "choose a layer": layers(page),
    }
    go(page, f"layer={CONVOLUTION[name]}")
    settled(page)
    times |= {
        "scroll the maps": tried(page, "scroll()", repeats),
        "hover a pixel": tried(
            page, "hover(0.02 + k * 0.37 % 0.4, 0.05 + k * 0.23 % 0.2)", repeats
        ),
        "hover a number": tried(page, "number(k)", repeats),
    }
    page.evaluate("document.querySelector('#maps .grid').scrollTop = 0")
    times["choose a unit"] = tried(page, f"pixel(...{spots(name)})", repeats)
    for tab in itertools.islice(itertools.cycle(TABS), repeats):
        times.setdefault("switch a tab", []).append(page.evaluate(f"bench.tab('{tab}')"))
    page.evaluate("bench.tab('whatif')")
    times["move a slider"] = tried(page, "slider(1 + (k + 5) % 7)", repeats)
    context.close()
    return {name: found for name, found in times.items() if found}


def tried(page: Any, call: str, repeats: int) -> list[float]:
    """Do something again and again, `k` counting; leave out where there is nothing to do."""
    found = (page.evaluate(f"k => bench.{call}", k) for k in range(repeats))
    return [ms for ms in found if ms is not None]


def layers(page: Any) -> list[float]:
    """Choose each layer once, in an order that jumps about."""
    page.click("#unfold")
    rows = page.locator("#tree [data-layer]")
    numbers = sorted(set(rows.evaluate_all("all => all.map((one) => Number(one.dataset.layer))")))
    numbers = [n for n in numbers if n >= 0]
    page.evaluate(f"bench.layer({numbers[-1]})")
    order = sorted(numbers[:-1], key=lambda n: n * 0.618 % 1)
    return [page.evaluate(f"bench.layer({number})") for number in order]


def spots(name: str) -> str:
    """Shares of the grid at pixel k of the first tile, whose sides are 64 pixels."""
    side = {"lenet5": 10, "resnet18": 7}[name]
    return f"""(() => {{
      const box = document.querySelector('#maps .grid canvas').getBoundingClientRect();
      const tall = Math.min(box.height, document.querySelector('#maps .grid').clientHeight);
      const at = k * 17 % {side * side};
      const [y, x] = [Math.floor(at / {side}), at % {side}];
      return [(8 + (x + 0.5) * 64 / {side}) / box.width, (8 + (y + 0.5) * 64 / {side}) / tall];
    }})()"""


def print_table(name: str, times: Times) -> None:
    """Medians, 95th percentiles and the longest, in milliseconds."""
    print(f"\n| {name} | times | median, ms | 95%, ms | longest, ms |\n|---|---:|---:|---:|---:|")
    for what, found in times.items():
        ordered = sorted(found)
        late = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
        numbers = (statistics.median(ordered), late, ordered[-1])
        print(f"| {what} | {len(found)} | " + " | ".join(f"{ms:.0f}" for ms in numbers) + " |")


if __name__ == "__main__":
    main()
