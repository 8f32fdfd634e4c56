import { main } from "./dist/addon.js";

await main();
