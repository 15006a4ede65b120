import "./styles/base.css";
import "./styles/controls.css";
import "./styles/shell.css";
import { render } from "preact";
import { listen } from "./lib/router";
import { dress } from "./lib/theme";
import { Shell } from "./shell";
import { begin } from "./store";

dress();
listen();
begin();
render(<Shell />, document.getElementById("app") as HTMLElement);
