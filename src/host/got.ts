/** The only place that imports got. It takes 0.1 s to load: whoever imports this is loaded when it is needed. */
export { default as got, HTTPError } from 'got';
