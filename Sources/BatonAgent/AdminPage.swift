/// The page for people: one file, nothing from elsewhere, brought up to date every second from /status.
enum AdminPage {
    static let html = #"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>Baton</title>
        <style>
        :root { --paper: #faf9f6; --card: #ffffff; --ink: #1d1f21; --dim: #6a6f76; --line: #e3e1da; --good: #2f7d4f; --wait: #b7791f;
          --bad: #b83232; --accent: #3b5bdb; --bar: #dfe6fb }
        @media (prefers-color-scheme: dark) { :root { --paper: #14161a; --card: #1c1f25; --ink: #e8e6e1; --dim: #979da6;
          --line: #2c3038; --good: #5cc489; --wait: #e0b04c; --bad: #ef7a7a; --accent: #8ea6ff; --bar: #2a3352 } }
        * { box-sizing: border-box }
        body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif }
        main { max-width: 64rem; margin: 0 auto; padding: 1.25rem 1rem 3rem }
        header { display: flex; flex-wrap: wrap; align-items: baseline; gap: .25rem .75rem; margin-bottom: 1rem }
        h1 { font-size: 1.35rem; margin: 0; letter-spacing: -.01em }
        h2 { font-size: .78rem; text-transform: uppercase; letter-spacing: .08em; color: var(--dim); margin: 0 0 .6rem; font-weight: 600 }
        section { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .9rem 1rem; margin-bottom: .9rem }
        .dim { color: var(--dim) } .good { color: var(--good) } .wait { color: var(--wait) } .bad { color: var(--bad) }
        .pill { border-radius: 1rem; padding: .05rem .6rem; font-size: .85rem; font-weight: 600; border: 1px solid currentColor }
        code { font: .86em ui-monospace, monospace; overflow-wrap: anywhere }
        .figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(7.5rem, 1fr)); gap: .6rem }
        .figures b { display: block; font-size: 1.35rem; font-weight: 600; font-variant-numeric: tabular-nums }
        .figures span { color: var(--dim); font-size: .82rem }
        .generation { display: grid; grid-template-columns: 3.2rem 1fr 11rem; gap: .75rem; align-items: center; padding: .3rem 0 }
        .track { position: relative; height: 1.35rem; background: color-mix(in srgb, var(--line) 45%, transparent); border-radius: .3rem; overflow: hidden }
        .track i { position: absolute; top: 0; bottom: 0; border-radius: .3rem; min-width: 3px }
        .axis { display: flex; justify-content: space-between; color: var(--dim); font-size: .75rem; margin: .15rem 11.75rem 0 3.95rem }
        .starting { background: var(--wait) } .ready { background: var(--good) } .draining { background: var(--wait); opacity: .75 }
        .row { padding: .5rem 0; border-top: 1px solid var(--line) } .row:first-of-type { border-top: 0; padding-top: 0 }
        .row .head { display: flex; flex-wrap: wrap; gap: .1rem .6rem; align-items: baseline }
        .steps { display: flex; height: .5rem; border-radius: .25rem; overflow: hidden; margin: .3rem 0 .15rem; background: var(--bar) }
        .steps i { min-width: 2px }
        .small { font-size: .84rem }
        @media (max-width: 36rem) { .generation { grid-template-columns: 2.4rem 1fr; } .generation > :last-child { grid-column: 2; margin-top: -.2rem }
          .axis { margin: .15rem 0 0 3.15rem } }
        </style>
        </head>
        <body><main>
        <header><h1>Baton</h1><span id="state" class="pill dim">connecting</span><span id="about" class="dim small"></span></header>
        <section id="progress" hidden><h2>In progress</h2><div></div></section>
        <section><h2>Generations</h2><div id="generations"></div><div class="axis"><span id="from"></span><span>now</span></div></section>
        <section><h2>Totals</h2><div class="figures" id="figures"></div></section>
        <section><h2>Sources</h2><div id="sources"></div></section>
        <section><h2>Changes</h2><div id="changes"></div></section>
        <noscript>This page needs JavaScript. The same data as JSON: <a href="/status">/status</a></noscript>
        </main>
        <script>
        "use strict";
        const at = id => document.getElementById(id);
        const make = (tag, text, name) => { const e = document.createElement(tag); if (text !== undefined) e.textContent = text; if (name) e.className = name; return e };
        const fill = (id, ...children) => at(id).replaceChildren(...children);
        const colours = { settle: "#8a94a6", stage: "#3b8ea5", validate: "#6a4c93", pause: "#c0a000", splay: "#b0b7c3", apply: "#3b5bdb", slow_start: "#5f8a3a", probation: "#d08700", drain: "#7aa6c2" };
        const length = ms => ms < 1000 ? Math.round(ms) + " ms" : ms < 10000 ? (ms / 1000).toFixed(1) + " s" : ms < 60000 ? Math.round(ms / 1000) + " s"
          : ms < 3600e3 ? Math.floor(ms / 60e3) + " min " + Math.floor(ms / 1000 % 60) + " s" : ms < 86400e3 ? Math.floor(ms / 3600e3) + " h " + Math.floor(ms / 60e3 % 60) + " min"
          : Math.floor(ms / 86400e3) + " d " + Math.floor(ms / 3600e3 % 24) + " h";
        const plural = (n, word) => n + " " + word + (n === 1 ? "" : "s");
        const words = { stage: "is being written to the stage", validate: "is being validated", pause: "waits for baton resume", splay: "waits for its random delay", apply: "is being applied", slow_start: "is in slow start", probation: "is on probation" };

        // Generations that are gone stay on the timeline for a while.
        const seen = new Map();

        function generations(status, now) {
          for (const g of seen.values()) if (!g.goneAt && !(status.generations || []).some(x => x.generation === g.generation)) g.goneAt = now;
          for (const g of status.generations || []) seen.set(g.generation, g);
          const all = [...seen.values()].filter(g => !g.goneAt || now - g.goneAt < 120e3).sort((a, b) => b.generation - a.generation).slice(0, 12);
          for (const key of seen.keys()) if (!all.some(g => g.generation === key)) seen.delete(key);
          const span = Math.max(30e3, Math.min(600e3, ...[Math.max(...all.map(g => now - g.started_at), 30e3)]));
          at("from").textContent = length(span) + " ago";
          const place = (from, to, name) => { const i = make("i", undefined, name); const x = t => Math.max(0, Math.min(100, 100 - (now - t) / span * 100));
            i.style.left = x(from) + "%"; i.style.width = Math.max(0, x(to) - x(from)) + "%"; return i };
          fill("generations", ...(all.length ? all.map(g => {
            const row = make("div", undefined, "generation");
            row.append(make("b", "№ " + g.generation));
            const track = make("div", undefined, "track"), end = g.goneAt || now;
            track.append(place(g.started_at, g.ready_at || g.draining_since || end, "starting"));
            if (g.ready_at) track.append(place(g.ready_at, g.draining_since || end, "ready"));
            if (g.draining_since) track.append(place(g.draining_since, end, "draining"));
            track.title = "generation " + g.generation + ", configuration " + (g.digest || "unknown") + (g.pid ? ", process " + g.pid : "");
            const words = [g.goneAt ? "gone" : g.state];
            if (!g.goneAt && g.open !== undefined) words.push(plural(g.open, "connection"));
            if (!g.goneAt && g.drain_left_ms !== undefined) words.push(length(g.drain_left_ms) + " left");
            if (g.role) words.push(g.role);
            row.append(track, make("span", words.join(", "), "small " + (g.goneAt ? "dim" : g.state === "ready" ? "good" : "wait")));
            return row;
          }) : [make("p", "none yet", "dim")]));
        }

        function change(c, now) {
          const row = make("div", undefined, "row"), head = make("div", undefined, "head");
          const name = c.outcome === "rolled_back" ? "rolled back" : c.outcome;
          head.append(make("b", "№ " + c.change), make("span", name + (c.means && c.means !== "none" ? " by " + c.means + (c.proof ? ", proof: " + c.proof : "") : ""),
            c.outcome === "applied" ? "good" : c.outcome === "in progress" ? "wait" : c.outcome === "superseded" ? "dim" : "bad"));
          head.append(make("span", length(now - c.seen_at) + " ago" + (c.rollback ? ", rollback requested" : c.manual ? ", requested" : "") + (c.generation ? ", generation " + c.generation : ""), "dim small"), make("code", c.digest, "dim"));
          row.append(head);
          if (c.reason) row.append(make("div", c.reason, "small bad"));
          const steps = Object.keys(colours).filter(s => c[s + "_us"] !== undefined).map(s => [s, c[s + "_us"] / 1000]);
          const total = steps.reduce((sum, s) => sum + s[1], 0);
          if (total > 0) {
            const bar = make("div", undefined, "steps");
            for (const [s, ms] of steps) { const i = make("i"); i.style.background = colours[s]; i.style.flex = String(Math.max(ms, total / 200)); i.title = s + " " + length(ms); bar.append(i) }
            row.append(bar, make("div", steps.map(([s, ms]) => s + " " + length(ms)).join(" · "), "dim small"));
          }
          return row;
        }

        function source(s, now) {
          const row = make("div", undefined, "row"), head = make("div", undefined, "head");
          head.append(make("code", s.source), make("b", s.strategy), make("span", s.kind, "dim"),
            make("span", [["changed", s.changed_at, ""], ["touched", s.touched_at, " with the same content"]].filter(e => e[1])
              .map(e => e[0] + " " + length(now - e[1]) + " ago" + e[2]).join(", ") || "no change seen yet", "dim small"));
          row.append(head, make("div", s.reason, "dim small"));
          if (s.problem) row.append(make("div", s.problem, "bad small"));
          return row;
        }

        function show(status) {
          const b = status.baton, now = b.now;
          at("state").textContent = b.ready ? "ready" : b.phase === "running" ? "not ready" : b.phase;
          at("state").className = "pill " + (b.ready ? "good" : "wait");
          document.title = (b.ready ? "" : "(" + at("state").textContent + ") ") + "Baton";
          fill("about", document.createTextNode("version " + b.version + ", process " + b.pid + ", running for " + length(now - b.started_at) + ", configuration "), make("code", b.digest || "none"));
          at("progress").hidden = !b.step && !b.awaits;
          if (b.step) at("progress").lastChild.textContent = "Change " + b.change + " " + (words[b.step] || b.step) + " for " + length(now - b.seen_at)
            + (b.probation_ends_at ? ", " + length(b.probation_ends_at - now) + " left" : "");
          else if (b.awaits) at("progress").lastChild.textContent = "App not started: waiting for " + b.awaits;
          generations(status, now);
          const count = (name, outcome) => (status.counters || []).filter(c => c.name === name && (!outcome || c.outcome === outcome)).reduce((sum, c) => sum + c.value, 0);
          const figure = (n, text, bad) => { const d = make("div"); d.append(make("b", n.toLocaleString("en"), bad && n ? "bad" : ""), make("span", text)); return d };
          fill("figures", figure(count("config_changes_total", "applied"), "changes applied"), figure(count("config_changes_total", "rejected") + count("config_changes_total", "rolled_back") + count("config_changes_total", "failed"), "rejected, rolled back or failed", true),
            figure(count("generations_started_total"), "generations started"), figure(count("app_crashes_total"), "ended unexpectedly", true),
            figure(count("drain_cut_connections_total"), "connections killed", true), figure(count("log_dropped_total"), "log lines dropped", true));
          fill("sources", ...((status.sources || []).length ? status.sources.map(s => source(s, now)) : [make("p", "nothing is watched", "dim")]));
          fill("changes", ...((status.changes || []).length ? [...status.changes].reverse().slice(0, 20).map(c => change(c, now)) : [make("p", "none yet", "dim")]));
        }

        async function refresh() {
          try { const answer = await fetch("/status"); if (!answer.ok) throw new Error(await answer.text()); show(await answer.json()) }
          catch (error) { at("state").textContent = "no answer"; at("state").className = "pill bad" }
          setTimeout(refresh, document.hidden ? 5000 : 1000);
        }
        refresh();
        </script>
        </body></html>

        """#
}
