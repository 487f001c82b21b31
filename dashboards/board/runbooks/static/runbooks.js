// The runbooks: text that does not change.
import { start } from "./frame.js";

start();
