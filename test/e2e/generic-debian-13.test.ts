import { declareGenericHost } from './generic-debian.ts';

declareGenericHost('trixie');
