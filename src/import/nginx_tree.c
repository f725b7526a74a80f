#include "import/nginx_tree.h"

#include "import/site.h"

#include <stdarg.h>
#include <stdio.h>

/* One file that is being read. */
struct lexer {
	struct import_site *s;
	const struct nginx_files *files;
	struct span text;
	size_t at;
	uint32_t line, file;
	unsigned depth;
};

static const char not_closed[] = "a quote is not closed, or a word goes on behind it";

enum token { TOKEN_END, TOKEN_WORD, TOKEN_DONE, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_BAD };

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_blanks(struct lexer *l)
{
	bool comment = false;
	for (; l->at < l->text.len; l->at++) {
		uint8_t c = l->text.data[l->at];
		l->line += c == '\n';
		comment = (comment || c == '#') && c != '\n';
		if (!comment && !is_blank(c))
			return;
	}
}

/* to NULL: it is only counted. */
static void put(uint8_t *to, size_t *n, uint8_t c)
{
	if (to)
		to[*n] = c;
	++*n;
}

/* As ngx_conf_read_token has it: \" \' \\ and \t \r \n; the backslash of all others stays, so that
 * `\.` reaches an expression. */
static void unescape(struct lexer *l, uint8_t *to, size_t *n)
{
	static const char marks[] = "\"'\\trn", values[] = "\"'\\\t\r\n";
	uint8_t c = l->at + 1 < l->text.len ? l->text.data[l->at + 1] : 0;
	const char *mark = c ? strchr(marks, c) : NULL;
	l->line += c == '\n';
	l->at += l->at + 1 < l->text.len ? 2 : 1;
	put(to, n, mark ? (uint8_t)values[mark - marks] : '\\');
	if (!mark && c)
		put(to, n, c);
}

/* A word without its quotes; false: the quote is not closed, or a word goes on right behind it. */
static bool word_read(struct lexer *l, uint8_t *to, size_t *ret_len)
{
	uint8_t quote = l->text.data[l->at];
	bool quoted = quote == '"' || quote == '\'', brace = false;
	size_t n = 0;
	l->at += quoted;
	while (l->at < l->text.len) {
		uint8_t c = l->text.data[l->at];
		if (c == '\\') {
			unescape(l, to, &n);
			continue;
		}
		if (quoted ? c == quote : is_blank(c) || c == ';' || (c == '{' && !brace))
			break;
		brace = c == '$'; /* ${name} */
		l->line += c == '\n';
		put(to, &n, c);
		l->at++;
	}
	*ret_len = n;
	if (!quoted)
		return true;
	if (l->at == l->text.len)
		return false;
	l->at++;
	uint8_t c = l->at < l->text.len ? l->text.data[l->at] : ';';
	return is_blank(c) || c == ';' || c == '{' || c == ')';
}

static enum token next(struct lexer *l, struct span *ret)
{
	skip_blanks(l);
	if (l->at == l->text.len)
		return TOKEN_END;
	uint8_t c = l->text.data[l->at];
	if (c == ';' || c == '{' || c == '}') {
		l->at++;
		return c == ';' ? TOKEN_DONE : c == '{' ? TOKEN_OPEN : TOKEN_CLOSE;
	}
	/* How long it is, then the word itself. */
	struct lexer measure = *l;
	size_t len;
	if (!word_read(&measure, NULL, &len))
		return TOKEN_BAD;
	uint8_t *to = arena_alloc(&l->s->arena, len + 1, 1);
	if (!to) {
		l->s->failed = true;
		return TOKEN_BAD;
	}
	(void)word_read(l, to, &len);
	*ret = span_of(to, len);
	return TOKEN_WORD;
}

static enum err wrong(struct lexer *l, const char *what)
{
	if (l->s->failed)
		return (enum err)ENOMEM;
	l->s->file_number = l->file;
	import_note(l->s, l->line, "%s", what);
	return ERR_FORMAT;
}

static void append(struct import_site *s, struct nginx_directive *parent, struct nginx_directive *d)
{
	d->parent = parent;
	if (s->failed)
		return;
	if (parent->last)
		parent->last->next = d;
	else
		parent->first = d;
	parent->last = d;
}

static enum err block_read(struct lexer *l, struct nginx_directive *block);

struct inclusion {
	struct lexer *from;
	struct nginx_directive *block;
	enum err result;
};

static enum err included(void *arg, struct span path, struct span text)
{
	struct inclusion *i = arg;
	struct lexer l = {.s = i->from->s,
			  .files = i->from->files,
			  .text = text,
			  .line = 1,
			  .depth = i->from->depth + 1};
	if (l.s->files_n == NGINX_FILES_MAX || l.depth > NGINX_DEPTH_MAX ||
	    text.len > IMPORT_FILE_MAX)
		i->result = ERR_LIMIT;
	if (i->result)
		return i->result;
	l.file = import_file_add(l.s, path);
	i->result = block_read(&l, i->block);
	return i->result;
}

static enum err include(struct lexer *l, struct nginx_directive *block, struct nginx_directive *d)
{
	struct inclusion i = {l, block, OK};
	d->used = true;
	enum err e = ENOENT;
	if (l->files && d->args_n == 1)
		e = l->files->read(l->files->arg, d->args[0], included, &i);
	if (i.result == ERR_LIMIT)
		return wrong(l, "too many files are included, or one is too long");
	if (i.result)
		return i.result;
	/* A pattern may stand for nothing. */
	bool pattern = memchr(nginx_arg(d, 0).data, '*', nginx_arg(d, 0).len) != NULL;
	if (e && !(pattern && e == ENOENT && l->files))
		nginx_note(l->s, d, "%.*s could not be read: what it says is missing here",
			   (int)nginx_arg(d, 0).len, (const char *)nginx_arg(d, 0).data);
	return OK;
}

/* Code of another language: to the brace that closes it. */
static enum err skip_code(struct lexer *l)
{
	for (unsigned open = 1; l->at < l->text.len; l->at++) {
		uint8_t c = l->text.data[l->at];
		l->line += c == '\n';
		open += c == '{';
		open -= c == '}';
		if (open == 0) {
			l->at++;
			return OK;
		}
	}
	return wrong(l, "the block is not closed");
}

static bool is_code(struct span name)
{
	static const char ending[] = "_by_lua_block";
	size_t n = sizeof(ending) - 1;
	return name.len > n && span_is(span_sub(name, name.len - n, n), ending);
}

static enum err open_block(struct lexer *l, struct nginx_directive *d)
{
	d->block = true;
	if (is_code(d->name))
		return skip_code(l);
	if (l->depth == NGINX_DEPTH_MAX)
		return wrong(l, "blocks stand in each other too deeply");
	l->depth++;
	enum err e = block_read(l, d);
	l->depth--;
	return e;
}

/* One directive, whose first word is there. *ret_block: it is one. */
static enum err directive_read(struct lexer *l, struct nginx_directive *parent, struct span name)
{
	struct nginx_directive *d = IMPORT_NEW(l->s, struct nginx_directive);
	struct span words[NGINX_ARGUMENTS_MAX], word = {0};
	enum token t = TOKEN_END;
	d->name = name;
	d->line = l->line;
	d->file = l->file;
	for (;;) {
		t = next(l, &word);
		if (t != TOKEN_WORD)
			break;
		if (d->args_n == NGINX_ARGUMENTS_MAX)
			return wrong(l, "a directive has too many words");
		words[d->args_n++] = word;
	}
	struct span *args =
		arena_zalloc(&l->s->arena, d->args_n + 1, sizeof(*args), _Alignof(struct span));
	if (!args || l->s->failed)
		return (enum err)ENOMEM;
	if (d->args_n)
		memcpy(args, words, d->args_n * sizeof(*args));
	d->args = args;
	if (t == TOKEN_BAD)
		return wrong(l, not_closed);
	if (t != TOKEN_DONE && t != TOKEN_OPEN)
		return wrong(l, "a directive has no end: expected `;` or `{`");
	if (t == TOKEN_DONE && span_is(name, "include"))
		return include(l, parent, d);
	append(l->s, parent, d);
	return t == TOKEN_OPEN ? open_block(l, d) : OK;
}

/* To the `}` that closes it; a file to its end. */
static enum err block_read(struct lexer *l, struct nginx_directive *block)
{
	unsigned depth = l->depth;
	bool whole_file = l->at == 0;
	for (;;) {
		struct span word = {0};
		switch (next(l, &word)) {
		case TOKEN_END: return whole_file ? OK : wrong(l, "a block is not closed");
		case TOKEN_CLOSE: return whole_file ? wrong(l, "a `}` that closes nothing") : OK;
		case TOKEN_WORD: TRY(directive_read(l, block, word)); break;
		case TOKEN_BAD: return wrong(l, not_closed);
		case TOKEN_DONE:
		case TOKEN_OPEN: return wrong(l, "a directive has no name");
		}
		ASSERT(l->depth == depth);
	}
}

enum err nginx_tree_read(struct import_site *s, struct span text, const struct nginx_files *files,
			 struct nginx_directive **ret)
{
	struct lexer l = {.s = s, .files = files, .text = text, .line = 1};
	struct nginx_directive *root = IMPORT_NEW(s, struct nginx_directive);
	if (text.len > IMPORT_FILE_MAX)
		return ERR_LIMIT;
	TRY(block_read(&l, root));
	if (s->failed)
		return (enum err)ENOMEM;
	root->used = true;
	*ret = root;
	return OK;
}

/* ---- looking ---- */

struct nginx_directive *nginx_own(const struct nginx_directive *block, const char *name)
{
	struct nginx_directive *d = block->first;
	while (d && !span_is(d->name, name))
		d = d->next;
	if (d)
		d->used = true;
	return d;
}

struct nginx_directive *nginx_same(const struct nginx_directive *d)
{
	struct nginx_directive *n = d->next;
	while (n && !span_equal(n->name, d->name))
		n = n->next;
	if (n)
		n->used = true;
	return n;
}

struct nginx_directive *nginx_find(const struct nginx_directive *block, const char *name)
{
	for (; block; block = block->parent) {
		struct nginx_directive *d = nginx_own(block, name);
		if (d)
			return d;
	}
	return NULL;
}

struct span nginx_arg(const struct nginx_directive *d, size_t i)
{
	return d && i < d->args_n ? d->args[i] : span_text("");
}

bool nginx_option(const struct nginx_directive *d, const char *prefix, struct span *ret)
{
	size_t len = strlen(prefix);
	for (size_t i = 0; d && i < d->args_n; i++)
		if (span_is(span_sub(d->args[i], 0, len), prefix)) {
			*ret = span_sub(d->args[i], len, d->args[i].len);
			return true;
		}
	return false;
}

bool nginx_has(const struct nginx_directive *d, const char *word)
{
	for (size_t i = 0; d && i < d->args_n; i++)
		if (span_is(d->args[i], word))
			return true;
	return false;
}

void nginx_note(struct import_site *s, struct nginx_directive *d, const char *format, ...)
{
	char text[1024];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	d->used = true;
	s->file_number = d->file;
	import_note(s, d->line, "%.*s: %s", (int)d->name.len, (const char *)d->name.data,
		    n < 0 ? "" : text);
}
