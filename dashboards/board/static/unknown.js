// An address with no page: the frame alone, which says whether the figures elsewhere are live.
import { start } from "./frame.js";

start();
