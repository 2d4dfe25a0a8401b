// table of the page's style rules: one sheet, no address in it. Verdicts are told by a mark, a word and a colour, never by colour alone.

export const STYLE = `
:root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--dim:#59636e;--line:#d1d9e0;--soft:#f6f8fa;--link:#0a53be;
--s:#dcf3e3;--s-fg:#0f5323;--c:#fdf0c4;--c-fg:#6a4700;--r:#fbdcdc;--r-fg:#8b1220;--u:#e6e6ee;--u-fg:#3d3f5c}
@media (prefers-color-scheme:dark){:root{--bg:#0f1419;--fg:#e4e8ec;--dim:#9aa5b1;--line:#313a45;--soft:#181f27;--link:#7db4ff;
--s:#12351f;--s-fg:#8fdba8;--c:#40330c;--c-fg:#f2cf6b;--r:#471a20;--r-fg:#ffa3aa;--u:#2b2c3c;--u-fg:#c3c5e0}}
*{box-sizing:border-box}
html{scroll-padding-top:1rem}
body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif}
main{display:flex;flex-direction:column;gap:1.75rem;max-width:1600px;margin:0 auto;padding:1.5rem 2rem 3rem}
main>*{min-width:0}
main>header{order:-2}
#summary{order:-1}
h1{font-size:1.55rem;line-height:1.25;margin:0}
h2{font-size:1.1rem;margin:0 0 .6rem}
h4{font-size:.8rem;margin:.9rem 0 .2rem;color:var(--dim);font-weight:600}
p{margin:.3rem 0}
header p,.hint{color:var(--dim);max-width:75ch}
a{color:var(--link)}
code,samp,pre,.m th,.f{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;font-size:.85em}
pre{margin:.25rem 0;padding:.4rem .6rem;background:var(--soft);border:1px solid var(--line);border-radius:4px;white-space:pre-wrap;overflow-wrap:anywhere}
:focus-visible{outline:3px solid var(--link);outline-offset:1px;border-radius:2px}
.s{background:var(--s);color:var(--s-fg)}.c{background:var(--c);color:var(--c-fg)}.r{background:var(--r);color:var(--r-fg)}.u{background:var(--u);color:var(--u-fg)}
.v{display:inline-block;padding:0 .5em;border-radius:3px;font-weight:600;white-space:nowrap}
.tiles{display:flex;flex-wrap:wrap;gap:.75rem;margin:0 0 1.25rem;padding:0;list-style:none}
.tiles li{flex:1 1 9rem;padding:.6rem .9rem;border-radius:6px}
.tiles b{display:block;font-size:1.7rem;line-height:1.2;font-variant-numeric:tabular-nums}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,30rem),1fr));gap:1.5rem 2.5rem}
.two>*{min-width:0}
.t{border-collapse:collapse;width:100%}
.t th,.t td{padding:.25rem .5rem;border-bottom:1px solid var(--line);text-align:right;font-variant-numeric:tabular-nums;font-weight:400}
.t thead th{color:var(--dim);font-size:.85em}
.t th:first-child{text-align:left;overflow-wrap:anywhere}
.t svg{display:block;width:100%;min-width:4rem;height:.8rem;border-radius:3px}
.t td.bar{width:30%}
svg .s{fill:#2f9e54}svg .c{fill:#d9a514}svg .r{fill:#cf3a46}svg .u{fill:#7d80a5}
.why{margin:0;padding:0;list-style:none}
.why li{display:grid;grid-template-columns:6.6rem 3.4rem 1fr;gap:.6rem;padding:.28rem 0;border-bottom:1px solid var(--line);align-items:baseline}
.why .n{text-align:right;font-variant-numeric:tabular-nums}
.why span:last-child{overflow-wrap:anywhere;display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:2;overflow:hidden}
.why.one span:last-child{-webkit-line-clamp:1}
.why .v{justify-self:start}.why a{color:inherit;text-decoration-color:var(--line)}.why a:hover{color:var(--link)}
.filter{display:flex;flex-wrap:wrap;gap:.5rem 1.25rem;align-items:center;margin:0 0 .6rem}
.filter[hidden]{display:none}
.filter input[type=search]{font:inherit;padding:.3rem .55rem;width:20rem;max-width:100%;border:1px solid var(--dim);border-radius:4px;background:var(--bg);color:var(--fg)}
.filter label{display:inline-flex;gap:.35rem;align-items:center}
.filter output{color:var(--dim);margin-left:auto}
.filter button,dialog button{font:inherit;padding:.2rem .7rem;border:1px solid var(--dim);border-radius:4px;background:var(--soft);color:var(--fg);cursor:pointer}
.filter button:disabled{opacity:.45;cursor:default}
.box{overflow:auto;max-height:85vh;border:1px solid var(--line);border-radius:6px}
.m{border-collapse:separate;border-spacing:0;width:100%}
.m th{font-weight:400;text-align:left}
.m thead th{position:sticky;top:0;z-index:2;background:var(--soft);border-bottom:1px solid var(--line);padding:.4rem .6rem;vertical-align:bottom}
.m tbody th{position:sticky;left:0;z-index:1;background:var(--bg);padding:.2rem .6rem;border-bottom:1px solid var(--line);overflow-wrap:anywhere;min-width:14rem}
.m thead th:first-child{left:0;z-index:3}
.m td{border-bottom:1px solid var(--bg);border-left:1px solid var(--bg);padding:0}
.m td a,.m td>span{display:block;padding:.2rem .6rem;color:inherit;text-decoration:none;height:100%}
.m td a:hover{text-decoration:underline}
.m td a:focus-visible{outline-offset:-3px}
.m small{display:block;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;font-size:.78em;opacity:.85}
.m.w{table-layout:fixed}
.m.w thead th:first-child{width:38%}
.m.w tbody th{min-width:0}
.m.k{width:auto}
.box:has(.m.k){width:fit-content;max-width:100%}
.m.k tbody th{white-space:nowrap;line-height:1.35}
.m.k thead th:not(:first-child){writing-mode:vertical-rl;transform:rotate(180deg);padding:.5rem .1rem;font-size:.8em;white-space:nowrap;border-bottom:0;border-top:1px solid var(--line);text-align:left}
.m.k td{width:1.5rem;min-width:1.5rem;font-size:.85em;text-align:center;font-weight:600}
.m.k td a{padding:.16rem 0}
.m tr:hover th{background:var(--soft)}
.m tr.off,.m tbody.off{display:none}
.m td.dim{opacity:.25}
.u td,td.u{font-size:.9em}
details{border-bottom:1px solid var(--line)}
details>summary{padding:.35rem .25rem;cursor:pointer;overflow-wrap:anywhere}
details>summary:hover{background:var(--soft)}
details>div{padding:.25rem .5rem 1rem 1.4rem;overflow-wrap:anywhere}
details ul{margin:.2rem 0;padding-left:1.2rem}
li>details{border:0}li>details>summary{padding:0;color:var(--dim)}li>details>div{padding:.1rem 0 .3rem 1.1rem}
details.g>details{margin-left:1.2rem}
details>summary .n{color:var(--dim);white-space:nowrap}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem .9rem;margin:.4rem 0}
dt{color:var(--dim)}dd{margin:0;overflow-wrap:anywhere}
.f{border-collapse:collapse;margin:.2rem 0 .4rem}
.f th,.f td{padding:.1rem .9rem .1rem 0;text-align:left;font-weight:400;vertical-align:top;border-bottom:1px solid var(--line);overflow-wrap:anywhere}
.reg{padding:.2rem 0}
.more{margin-right:.7em}
.reg h4{color:var(--fg);font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}
:target{outline:2px solid var(--link);outline-offset:4px;border-radius:3px}
.here{margin:.3rem 0 .6rem;padding:.1rem .9rem .4rem;border-left:3px solid var(--link);background:var(--soft)}
dialog{width:min(60rem,calc(100vw - 3rem));max-height:88vh;padding:0;border:1px solid var(--line);border-radius:8px;background:var(--bg);color:var(--fg);overflow:auto}
dialog::backdrop{background:#0008}
dialog>header{position:sticky;top:0;display:flex;gap:1rem;align-items:flex-start;justify-content:space-between;padding:.8rem 1.2rem;background:var(--soft);border-bottom:1px solid var(--line)}
dialog h2{margin:0;font-size:1rem;overflow-wrap:anywhere}
dialog>div{padding:.6rem 1.2rem 1.2rem;overflow-wrap:anywhere}
dialog ul{margin:.2rem 0;padding-left:1.2rem}
.cut{padding:.6rem .9rem;border-left:4px solid var(--c-fg);background:var(--c);color:var(--c-fg)}
footer{color:var(--dim);font-size:.9em}
@media (max-width:700px){main{padding:1rem}.why li{grid-template-columns:7rem 3rem 1fr}}
@media print{:root{--bg:#fff;--fg:#000;--soft:#f3f3f3;--line:#bbb;--dim:#444;--link:#000;--s:#e2f3e6;--s-fg:#0f5323;--c:#fdf0c4;--c-fg:#5a3c00;--r:#f7d4d4;--r-fg:#7b0f1b}
body{font-size:10pt}main{padding:0;max-width:none}.filter,dialog,.skip{display:none}.box{overflow:visible;max-height:none;border:0}
.m thead th,.m tbody th{position:static}.m tr.off,.m tbody.off{display:revert}*{print-color-adjust:exact}tr,h2,h4,summary{break-inside:avoid;break-after:auto}}
@media print{details::details-content{content-visibility:visible;display:block;height:auto}}
.skip{position:absolute;left:-999rem}.skip:focus{position:static}
`
