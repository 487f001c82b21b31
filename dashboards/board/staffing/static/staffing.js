// The page with call takers now, and by half-hours of today.
import { showTables } from "./fetched_tables.js";

showTables({ "staffed-now": "now", "staffed-today": "today" }, 5_000);
