// The page of a refused request: only the frame, which says whether figures on other pages are live.
import { start } from "./frame.js";

start();
