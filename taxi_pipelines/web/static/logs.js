// The search through all logs: its row of filters.

import "./filters.js";
