// table of the page's only script, as text: filter, pages of rows, the drill-down in a dialog, arrow keys. The page holds all its content without it.
// It builds nothing from text: what it shows are copies of elements that are there.

export const SCRIPT = `
'use strict'
;(() => {
  const $ = (query, from = document) => from.querySelector(query)
  const all = (query, from = document) => [...from.querySelectorAll(query)]
  const matrix = $('.m'), filter = $('.filter'), search = $('input[type=search]', filter), dialog = $('dialog')
  const rows = all('tbody tr', matrix), PAGE = 500
  const kinds = ['s', 'c', 'r', 'u']
  let page = 0, found = rows

  $('main').insertBefore($('#summary'), $('#matrix'))
  const words = new Map()
  const wordsOf = id => {
    if (!words.has(id)) { const body = document.getElementById(id); words.set(id, body ? body.parentElement.firstChild.textContent.toLowerCase() : '') }
    return words.get(id)
  }
  const textOf = row => row.dataset.text ??= (row.textContent + ' ' + all('a', row).map(a => wordsOf(a.hash.slice(1))).join(' ')).toLowerCase()

  const show = () => {
    const from = page * PAGE, to = Math.min(found.length, from + PAGE), visible = new Set(found.slice(from, to))
    for (const row of rows) row.classList.toggle('off', !visible.has(row))
    const [before, next] = all('button', filter)
    before.hidden = next.hidden = found.length <= PAGE
    before.disabled = page === 0
    next.disabled = to >= found.length
    $('output', filter).textContent = (found.length > PAGE ? from + 1 + '–' + to + ' of ' : '') + found.length + (found.length === rows.length ? '' : ' of ' + rows.length) + ' rows'
    $('.box').scrollTop = 0
  }
  const apply = () => {
    const wanted = search.value.trim().toLowerCase().split(/\\s+/).filter(Boolean)
    const on = new Set(all('input[type=checkbox]', filter).filter(box => box.checked).map(box => box.value))
    found = rows.filter(row => {
      const cells = [...row.cells].slice(1)
      let hit = false
      for (const cell of cells) { const is = on.has(cell.classList[0]); hit ||= is; cell.classList.toggle('dim', !is && on.size < kinds.length) }
      return hit && (wanted.length === 0 || wanted.every(word => textOf(row).includes(word)))
    })
    page = 0
    show()
  }
  let timer
  search.addEventListener('input', () => { clearTimeout(timer); timer = setTimeout(apply, rows.length > 1000 ? 200 : 0) })
  all('input[type=checkbox]', filter).forEach(box => box.addEventListener('change', apply))
  all('button', filter).forEach((button, i) => button.addEventListener('click', () => { page += i === 0 ? -1 : 1; show() }))
  filter.addEventListener('submit', event => event.preventDefault())
  filter.hidden = false
  apply()

  // a cell: its outcome in a dialog, with the names of the row and the column
  const copyOf = id => {
    const body = document.getElementById(id)
    if (!body) return
    const copy = body.cloneNode(true)
    copy.removeAttribute('id')
    for (const more of all('.more', copy)) more.replaceWith(...(copyOf(more.hash.slice(1))?.childNodes ?? []))
    return copy
  }
  matrix.addEventListener('click', event => {
    const link = event.target.closest('td a')
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return
    const copy = copyOf(link.hash.slice(1))
    if (!copy) return
    event.preventDefault()
    const cell = link.parentElement, body = $('div', dialog), column = matrix.tHead.rows[0].cells[cell.cellIndex].textContent
    $('h2', dialog).textContent = cell.parentElement.cells[0].textContent + ' → ' + column
    const head = document.getElementById(link.hash.slice(1)).parentElement.firstChild.cloneNode(true), told = document.createElement('p')
    $('.n', head)?.remove()
    told.append(...head.childNodes)
    body.replaceChildren(told, ...copy.childNodes)
    for (const command of all('pre', body)) command.textContent = command.textContent.replaceAll('TARGET', column)
    dialog.showModal()
    dialog.scrollTop = 0
  })
  $('button', dialog).addEventListener('click', () => dialog.close())
  dialog.addEventListener('click', event => { if (event.target === dialog) dialog.close() })

  // a register or the notes: opened and closed in place
  document.addEventListener('click', event => {
    const link = event.target.closest('dialog a, details > div a')
    if (!link || !/^#[rn][0-9]+$/.test(link.hash)) return
    event.preventDefault()
    const item = link.closest('li, p, details > div'), open = all(':scope > .here', item).find(one => one.dataset.of === link.hash)
    link.setAttribute('aria-expanded', String(!open))
    if (open) return open.remove()
    const copy = copyOf(link.hash.slice(1))
    copy.classList.add('here')
    copy.dataset.of = link.hash
    item.append(copy)
  })

  matrix.addEventListener('keydown', event => {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key]
    const cell = event.target.closest('td')
    if (!step || !cell) return
    const shown = found.slice(page * PAGE, page * PAGE + PAGE), at = shown.indexOf(cell.parentElement)
    const to = $('a', shown[at + step[0]]?.cells[cell.cellIndex + step[1]] ?? document.createElement('td'))
    if (to) { event.preventDefault(); to.focus() }
  })
})()
`
