"""A transcript for the eye: every word with the time at which it is said."""

from rich.text import Text

from streams.transcript import Segment, Transcript


def clock(seconds: float) -> str:
    """Seconds as 00:01.24, or 1:02:03.45 from an hour on; rounded to hundredths as a whole."""
    hundredths = round(seconds * 100)
    minutes, rest = divmod(hundredths, 6000)
    hours, minutes = divmod(minutes, 60)
    text = f"{minutes:02}:{rest / 100:05.2f}"
    return f"{hours}:{text}" if hours else text


def word_lines(transcript: Transcript) -> str:
    """One line a word, ``[00:01.24] word``; a segment without word times is one line."""
    return "\n".join(
        f"[{clock(start)}] {text}"
        for segment in transcript.segments
        for start, text in timed(segment)
    )


def word_flow(transcript: Transcript, width: int) -> Text:
    """The same as running text for a terminal, a paragraph a segment; times stay by their words."""
    return Text("\n").join(line for segment in transcript.segments for line in flow(segment, width))


def flow(segment: Segment, width: int) -> list[Text]:
    """One segment as lines of at most so many columns."""
    lines, line = [], Text()
    if segment.speaker or segment.channel is not None:
        line.append(f"{segment.speaker or f'channel {segment.channel}'}: ", style="bold")
    for start, text in timed(segment):
        word = Text.assemble((f"[{clock(start)}] ", "dim"), text, " ")
        if line and line.cell_len + word.cell_len > width:
            lines.append(line)
            line = Text()
        line.append_text(word)
    for whole in (*lines, line):
        whole.rstrip()
    return [*lines, line]


def timed(segment: Segment) -> list[tuple[float, str]]:
    """(start, text) of each word, or of the segment when it has none."""
    if segment.words:
        return [(word.start, word.text) for word in segment.words]
    return [(segment.start, segment.text.strip())]
