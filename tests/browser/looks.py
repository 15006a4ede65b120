"""How a view looks and reads: a picture of it, what axe finds, and whether it is too wide."""

from pathlib import Path
from typing import Any

from playwright.async_api import Page

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "ci-output" / "browser"
AXE = ROOT / "web" / "ui" / "node_modules" / "axe-core" / "axe.min.js"
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 800}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 800}},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
    "phone-dark": {"color_scheme": "dark", "viewport": {"width": 390, "height": 844}},
}
# Its height; and as nothing scrolls in a picture, no room is kept for a scrollbar.
WHOLE = """() => {
  document.documentElement.style.scrollbarGutter = "auto";
  return Math.min(document.documentElement.scrollHeight, 4000);
}"""
SERIOUS = {"serious", "critical"}


async def picture(page: Page, look: str, name: str) -> None:
    """Keep what is seen, for whoever looks at CI's output."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    await page.wait_for_load_state("networkidle")
    was = page.viewport_size
    height = await page.evaluate(WHOLE)
    assert was
    # As tall as the page, so that long lists draw what is in the picture.
    await page.set_viewport_size({"width": was["width"], "height": max(was["height"], height)})
    await page.evaluate("() => new Promise(requestAnimationFrame)")
    await page.screenshot(
        path=PICTURES / f"{look}-{name}.png",
        full_page=True,
    )
    await page.set_viewport_size(was)


async def faults(page: Page) -> list[str]:
    """What is serious of what axe finds, and whether the page scrolls sideways."""
    await page.evaluate(AXE.read_text())
    # Without preloading, for that makes styles, which the page's policy forbids aloud.
    found = await page.evaluate(
        "axe.run(document, { resultTypes: ['violations'], preload: false })"
    )
    told = [
        f"{one['id']}: {one['help']}: {node['html'][:160]}"
        for one in found["violations"]
        if one["impact"] in SERIOUS
        for node in one["nodes"]
    ]
    wide = await page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    return told + ([f"{wide[0]} px wide in {wide[1]}"] if wide[0] > wide[1] else [])
