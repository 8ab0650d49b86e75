import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "./style.css";

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <main>
      <h1>Breakwater</h1>
    </main>
  </StrictMode>,
);
