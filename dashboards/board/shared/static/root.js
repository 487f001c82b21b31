// The path under which the pages and the data of this page's force are: empty for the first force of the board.
export const root = document.body.dataset.root;
