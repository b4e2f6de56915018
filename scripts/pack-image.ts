/**
 * Packs a built image as an npm package: npm run pack:image -- [--arch ARCH] [--from DIRECTORY] [--output DIRECTORY]
 * [--revision NUMBER]. Prints the file that it wrote.
 */
import path from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { packageRoot } from '../iso/build/package-root.ts';
import { isMachineError } from '../src/core/errors.ts';
import { packageBudgetBytes, packImage } from './image-package.ts';

const { values } = parseArgs({
  options: {
    arch: { type: 'string', default: process.arch === 'arm64' ? 'arm64' : 'amd64' },
    from: { type: 'string' },
    output: { type: 'string', default: path.join(packageRoot, 'build', 'packages') },
    revision: { type: 'string', default: '0' },
  },
});

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

try {
  const { name, version, file, sizeBytes } = await packImage({
    imageDirectory: values.from ?? path.join(packageRoot, 'build', 'image', values.arch),
    outputDirectory: values.output,
    revision: Number(values.revision),
  });
  console.error(`${name} ${version}: ${megabytes(sizeBytes)} MB`);
  if (sizeBytes > packageBudgetBytes) {
    console.error(
      `warning: this is over the budget of ${megabytes(packageBudgetBytes)} MB. A release is built with "tsmachine image build --quality 9".`,
    );
  }
  console.log(file);
} catch (error) {
  if (!isMachineError(error)) {
    throw error;
  }
  console.error(`error: ${error.message}`);
  error.remedies.forEach((remedy) => {
    console.error(`try: ${remedy}`);
  });
  process.exitCode = error.exitCode;
}
