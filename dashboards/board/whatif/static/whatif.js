// The page with the forecast of the next two hours.
import { showTables } from "./fetched_tables.js";

showTables({ outlook: "table" }, 30_000);
