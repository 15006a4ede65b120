// Search in all that was said, from anywhere: it leads to the view of hits.

import { useState } from "preact/hooks";
import { Icon } from "../components/icons";
import { go } from "../lib/router";

export function SearchBox({ text = "", autofocus }: { text?: string; autofocus?: boolean }) {
  const [words, set] = useState(text);
  const submit = (event: Event) => {
    event.preventDefault();
    if (words.trim()) go(`/search?q=${encodeURIComponent(words.trim())}`);
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: <search> is younger than some browsers
    <form role="search" class="search-box" onSubmit={submit}>
      <label class="unseen" for="said">
        Search in all that was said
      </label>
      <Icon name="search" />
      <input
        id="said"
        class="input"
        type="search"
        placeholder="Search in all that was said"
        value={words}
        maxLength={500}
        ref={(node) => {
          if (autofocus && node && document.activeElement === document.body) node.focus();
        }}
        onInput={(event) => set(event.currentTarget.value)}
      />
    </form>
  );
}
