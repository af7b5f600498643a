import { Command } from 'commander';
import { buildCommand } from './build.ts';
import { clearCommand } from './clear.ts';
import { joinCommand } from './join.ts';
import { newestCommand } from './newest.ts';
import { planCommand } from './plan.ts';
import { promoteCommand } from './promote.ts';
import { pruneCommand } from './prune.ts';
import { publishCommand } from './publish.ts';
import { repairCommand } from './repair.ts';
import { reproduceCommand } from './reproduce.ts';
import { statusCommand } from './status.ts';
import { verifyCommand } from './verify.ts';

export const releaseCommand = new Command('release')
  .description('plan, publish and check releases')
  .addCommand(planCommand)
  .addCommand(publishCommand)
  .addCommand(buildCommand)
  .addCommand(joinCommand)
  .addCommand(statusCommand)
  .addCommand(repairCommand)
  .addCommand(promoteCommand)
  .addCommand(pruneCommand)
  .addCommand(clearCommand)
  .addCommand(newestCommand)
  .addCommand(verifyCommand)
  .addCommand(reproduceCommand);
