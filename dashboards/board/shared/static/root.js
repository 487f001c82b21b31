// The path under which this force has its pages and data: empty for the first force of the board.
export const root = document.body.dataset.root;
