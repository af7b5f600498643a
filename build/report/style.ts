import { styleText } from 'node:util';

type Format = Parameters<typeof styleText>[0];

/** Styles text if the stream shows colours: Node honours NO_COLOR, FORCE_COLOR and pipes. */
export const style = (format: Format, text: string, stream: NodeJS.WriteStream = process.stdout): string =>
  styleText(format, text, { stream });
