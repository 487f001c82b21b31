// The page about one queue by intervals of a day.
import { showTables } from "./fetched_tables.js";

showTables({ intervals: "table" }, 15_000);
