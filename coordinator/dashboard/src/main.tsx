import { createRoot } from "react-dom/client";
import { App } from "./app";
import { startLive } from "./live";
import "./style.css";
import { applyTheme, readTheme } from "./theme";

applyTheme(readTheme());
startLive();
createRoot(document.getElementById("root")!).render(<App />);
