// The files of a drop: folders are opened, and what is no recording is left where it is.

const MEDIA =
  /\.(wav|mp3|m4a|aac|flac|ogg|oga|opus|wma|aif|aiff|amr|3gp|mp4|m4v|mov|mkv|mka|webm|avi|mpg|mpeg|ts|caf|ac3)$/i;

/** Whether a file may hold audio: by its type, or by its name where the system knows no type. */
export function isMedia(file: File): boolean {
  return /^(audio|video)\//.test(file.type) || MEDIA.test(file.name);
}

/** All files of a drop, those in folders too. To be called while the event is handled. */
export async function filesOf(transfer: DataTransfer): Promise<File[]> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.() ?? null);
  const plain = [...transfer.files];
  if (entries.every((entry) => !entry?.isDirectory)) return plain;
  const found = await Promise.all(entries.filter((entry) => entry !== null).map(within));
  return found.flat();
}

async function within(entry: FileSystemEntry): Promise<File[]> {
  if (entry.isFile) {
    return [
      await new Promise<File>((done, fail) => (entry as FileSystemFileEntry).file(done, fail)),
    ];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: File[] = [];
  for (;;) {
    // A reader gives a folder in pieces, the last of them empty.
    const some = await new Promise<FileSystemEntry[]>((done, fail) =>
      reader.readEntries(done, fail),
    );
    if (!some.length) return found;
    for (const one of some) if (!one.name.startsWith(".")) found.push(...(await within(one)));
  }
}
