// Moves installed packages into folders, one per layer. Arguments: the list of layers, the folder of all layers. Each line of the
// list is the folder of a layer, and the packages in it. A package for another processor is not installed, and is skipped.
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { argv } from 'node:process';

const [, , list = '', layers = ''] = argv;
for (const line of readFileSync(list, 'utf8').trim().split('\n')) {
  const [layer = '', ...packages] = line.split(' ');
  mkdirSync(join(layers, layer), { recursive: true });
  for (const name of packages) {
    const from = join(layers, 'dependencies/app/node_modules', name);
    const to = join(layers, layer, 'app/node_modules', name);
    if (!existsSync(from)) continue;
    mkdirSync(dirname(to), { recursive: true });
    renameSync(from, to);
  }
}
