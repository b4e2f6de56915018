export default {
  files: ['dist/test/unit/**/*.test.js'],
  timeout: '60s',
  environmentVariables: { NODE_NO_WARNINGS: '1' },
};
