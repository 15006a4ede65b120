// Which keys do what.

import { Dialog } from "../components/dialog";

const KEYS: [keys: string[], what: string][] = [
  [["Space"], "Play or pause"],
  [["←", "→"], "5 seconds back or on"],
  [["n"], "To the next speaker"],
  [["<", ">"], "Slower or faster"],
  [["c"], "Copy a link to this moment"],
  [["/"], "Find words"],
  [["Enter", "⇧Enter"], "Next hit or the one before, in the search"],
  [["↑", "↓"], "From one segment to the next, on its time"],
  [["e"], "Correct the segment that is heard"],
  [["?"], "These keys"],
];

export function KeysDialog({ open, close }: { open: boolean; close: () => void }) {
  return (
    <Dialog open={open} close={close} title="Keys">
      <dl class="keys">
        {KEYS.map(([keys, what]) => (
          <div key={what}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
