// The socket: a snapshot, then every event; resumes where it was, for ever.

const WAITS_MS = [250, 500, 1000, 2000, 5000];

/** Follow the log. `on` has snapshot(jobs), event(cloudEvent) and state("live"|"late"|"away"). */
export function follow(on) {
  let at = null, failures = 0;
  const open = () => {
    const resume = at ? `?${new URLSearchParams(at)}` : "";
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/v1/events${resume}`);
    socket.onmessage = ({ data }) => {
      failures = 0;
      take(JSON.parse(data));
    };
    socket.onclose = () => {
      on.state("away");
      setTimeout(open, WAITS_MS[Math.min(failures++, WAITS_MS.length - 1)]);
    };
  };
  const take = (message) => {
    if (message.type === "snapshot") {
      at = { epoch: message.epoch, seq: message.seq };
      on.snapshot(message.jobs);
      on.state("live");
    } else if (message.type === "event") {
      at = { epoch: message.event.epoch, seq: message.event.seq, id: message.event.id };
      on.event(message.event);
    } else if (message.type === "fell_behind") {
      on.state("late");
    } else if (message.type === "caught_up") {
      on.state("live");
    }
  };
  open();
}
