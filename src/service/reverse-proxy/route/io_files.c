#include "service/reverse-proxy/route/io_files.h"

#include "base/decimal.h"
#include "base/writer.h"
#include "crypto/random.h"
#include "os/below.h"
#include "os/fd.h"
#include "os/log.h"
#include "proto/http/accept.h"
#include "proto/http/date.h"
#include "proxy/buffer.h"
#include "proxy/exchange.h"
#include "service/reverse-proxy/route/file.h"
#include "service/reverse-proxy/route/mime.h"
#include "service/reverse-proxy/route/request.h"

#include <stdlib.h>

struct files_roots {
	int *fds; /* routes_n; -1: none */
	size_t n;
};

struct files_held {
	struct proxy_source source; /* first: what the core gives back */
	int fd;
	/* Of multipart/byteranges: what is being sent. */
	struct range ranges[RANGES_MAX];
	size_t ranges_n, at;  /* at ranges_n: the end's boundary */
	uint64_t size, place; /* place: of the file, within the part */
	bool in_head;	      /* the part's head is being sent, not its bytes */
	struct span type, left;
	char boundary[RANGE_BOUNDARY_LEN + 1];
	uint8_t *buf; /* PROXY_BUFFER_SIZE / 2 */
};

/* ---- folders ---- */

enum err files_roots_new(const struct route *routes, size_t n, struct files_roots **ret)
{
	struct files_roots *r = calloc(1, sizeof(*r));
	int *fds = calloc(n + 1, sizeof(*fds));
	if (!r || !fds) {
		free(r);
		free(fds);
		return ENOMEM;
	}
	*r = (struct files_roots){fds, n};
	for (size_t i = 0; i < n; i++) {
		fds[i] = -1;
		if (routes[i].action != ROUTE_FILES)
			continue;
		enum err e = below_root(routes[i].files.root, &fds[i]);
		if (e)
			log_warning("a folder of files cannot be opened",
				    LOG_TEXT("folder", routes[i].files.root), LOG_ERR(e));
	}
	*ret = r;
	return OK;
}

void files_roots_free(struct files_roots *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++)
		fd_done(&r->fds[i]);
	free(r->fds);
	free(r);
}

/* ---- which file ---- */

struct asked {
	const struct route_files *conf;
	int root;
	const struct proxy_head *request;
	char name[FILE_NAME_MAX]; /* below the root */
	bool folder;		  /* the path ends with a slash */
};

struct opened {
	int fd;
	struct below_file file;
	char coding;	      /* of a compressed one: 'b', 'z', 'g'; 0: the plain one */
	const char *encoding; /* its name; NULL */
};

static unsigned status_of(enum err e)
{
	switch ((int)e) {
	case OK: return 0;
	case EACCES: return 403;
	case EMFILE:
	case ENFILE:
	case ENOMEM: return 500;
	default: return 404; /* also ELOOP and EXDEV: nobody is told of links and ways out */
	}
}

/* name + more; false: too long. */
static bool join(const char *name, const char *more, char ret[FILE_NAME_MAX])
{
	struct writer w = writer_of(ret, FILE_NAME_MAX - 1);
	write_text(&w, name);
	if (w.pos && more[0] != '.')
		write_u8(&w, '/');
	write_text(&w, more);
	ret[w.pos] = 0;
	return !w.bad;
}

static enum err open_one(const struct asked *a, const char *name, struct opened *ret)
{
	*ret = (struct opened){.fd = -1};
	return below_open(a->root, name, a->conf->links, &ret->fd, &ret->file);
}

/* The index of a folder; its name goes into a->name. */
static enum err open_index(struct asked *a, struct opened *ret)
{
	char name[FILE_NAME_MAX];
	for (size_t i = 0; i < a->conf->index_n; i++) {
		if (!join(a->name, a->conf->index[i], name) || open_one(a, name, ret) != OK)
			continue;
		if (ret->file.is_plain) {
			(void)span_to_cstr(span_text(name), a->name, sizeof(a->name));
			return OK;
		}
		fd_done(&ret->fd);
	}
	return ENOENT;
}

/* *ret_moved: a folder whose path lacks its slash. */
static enum err open_asked(struct asked *a, struct opened *ret, bool *ret_moved)
{
	*ret_moved = false;
	enum err e = open_one(a, a->name, ret);
	if (e == OK && ret->file.is_dir) {
		fd_done(&ret->fd);
		*ret_moved = !a->folder && a->conf->index_n > 0;
		e = *ret_moved ? OK : open_index(a, ret);
	} else if (e == OK && (!ret->file.is_plain || a->folder)) {
		fd_done(&ret->fd);
		e = ENOENT;
	}
	/* A folder without an index too: the page in the browser knows its own paths. */
	if ((e == ENOENT || e == ENOTDIR) && a->conf->fallback) {
		(void)span_to_cstr(span_text(a->conf->fallback), a->name, sizeof(a->name));
		e = open_one(a, a->name, ret);
		if (e == OK && !ret->file.is_plain) {
			fd_done(&ret->fd);
			e = ENOENT;
		}
	}
	return e;
}

static struct span field(const struct proxy_head *h, uint16_t id)
{
	for (size_t i = 0; i < h->fields_n; i++)
		if (h->fields[i].id == id)
			return h->fields[i].value;
	return (struct span){0};
}

/* FILE.br, FILE.zst, FILE.gz beside it, the one that the client likes best. */
static void open_compressed(const struct asked *a, struct opened *o)
{
	static const struct {
		const char *ending, *coding;
		char letter;
	} kinds[] = {{".br", "br", 'b'}, {".zst", "zstd", 'z'}, {".gz", "gzip", 'g'}};
	struct span accept = field(a->request, HTTP_FIELD_ACCEPT_ENCODING);
	unsigned tried = 0;
	for (size_t round = 0; accept.len && round < 3; round++) {
		size_t best = 3;
		unsigned best_q = 0;
		for (size_t i = 0; i < 3; i++) {
			unsigned q = tried & 1u << i ? 0 : accept_coding(accept, kinds[i].coding);
			if (q > best_q) {
				best = i;
				best_q = q;
			}
		}
		if (best == 3)
			return;
		tried |= 1u << best;
		char name[FILE_NAME_MAX];
		struct opened beside;
		if (!join(a->name, kinds[best].ending, name) || open_one(a, name, &beside) != OK)
			continue;
		/* One that is older than the file was forgotten when the file was changed. */
		if (!beside.file.is_plain || beside.file.mtime_ns < o->file.mtime_ns) {
			fd_done(&beside.fd);
			continue;
		}
		fd_done(&o->fd);
		*o = beside;
		o->coding = kinds[best].letter;
		o->encoding = kinds[best].coding;
		return;
	}
}

/* ---- multipart/byteranges ---- */

static void part_begin(struct files_held *h)
{
	struct writer w = writer_of(h->buf, PROXY_BUFFER_SIZE / 2);
	const struct range *r = h->at < h->ranges_n ? &h->ranges[h->at] : NULL;
	range_write_part(&w, h->boundary, h->type, r, h->size);
	h->left = writer_span(&w);
	h->in_head = true;
	h->place = r ? r->first : 0;
}

/* The next bytes of the part into buf, when its head is out. */
static enum err part_fill(struct files_held *h)
{
	const struct range *r = &h->ranges[h->at];
	uint64_t left = r->last + 1 - h->place;
	size_t room = PROXY_BUFFER_SIZE / 2, n = 0;
	TRY(below_read(h->fd, h->place, h->buf, left < room ? (size_t)left : room, &n));
	if (n == 0)
		return ERR_CLOSED; /* it was cut meanwhile */
	h->left = span_of(h->buf, n);
	return OK;
}

static enum err source_peek(struct proxy_source *s, struct span *ret, bool *ret_end)
{
	struct files_held *h = (struct files_held *)s;
	if (h->left.len == 0 && h->at < h->ranges_n)
		TRY(part_fill(h));
	*ret = h->left;
	*ret_end = h->at == h->ranges_n;
	return OK;
}

static void source_taken(struct proxy_source *s, size_t len)
{
	struct files_held *h = (struct files_held *)s;
	h->left = span_sub(h->left, len, h->left.len);
	if (!h->in_head)
		h->place += len;
	if (h->left.len || h->at == h->ranges_n)
		return;
	h->in_head = false;
	if (h->place > h->ranges[h->at].last) {
		h->at++;
		part_begin(h);
	}
}

static void source_close(struct proxy_source *s)
{
	(void)s; /* files_leave closes */
}

static enum err multipart_begin(struct files_held *h, struct proxy_exchange *x)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	uint8_t noise[RANGE_BOUNDARY_LEN];
	h->buf = proxy_exchange_alloc(x, PROXY_BUFFER_SIZE / 2);
	if (!h->buf)
		return ENOMEM;
	TRY(crypto_random(noise, sizeof(noise)));
	for (size_t i = 0; i < RANGE_BOUNDARY_LEN; i++)
		h->boundary[i] = letters[noise[i] % (sizeof(letters) - 1)];
	h->boundary[RANGE_BOUNDARY_LEN] = 0;
	h->source = (struct proxy_source){source_peek, source_taken, source_close};
	part_begin(h);
	return OK;
}

/* ---- the answer ---- */

/* Adds a field whose text is written by `w`'s bytes. */
static enum err add_text(struct proxy_exchange *x, const char *name, const struct writer *w)
{
	TRY(writer_check(w));
	struct span value = proxy_exchange_store(x, writer_span(w));
	return value.data ? proxy_head_add(&x->response, span_text(name), value) : ENOMEM;
}

static enum err add_fields(struct proxy_exchange *x, const struct asked *a, const struct opened *o,
			   struct span etag)
{
	char buf[128];
	struct writer w = writer_of(buf, sizeof(buf));
	TRY(proxy_head_add(&x->response, span_text("etag"), proxy_exchange_store(x, etag)));
	http_date_write(&w, o->file.mtime_ns / 1000000000);
	TRY(add_text(x, "last-modified", &w));
	if (a->conf->max_age_s != UINT32_MAX) {
		w = writer_of(buf, sizeof(buf));
		write_text(&w, "max-age=");
		write_decimal(&w, a->conf->max_age_s);
		TRY(add_text(x, "cache-control", &w));
	}
	if (a->conf->compressed)
		TRY(proxy_head_add(&x->response, span_text("vary"), span_text("Accept-Encoding")));
	if (o->encoding)
		TRY(proxy_head_add(&x->response, span_text("content-encoding"),
				   span_text(o->encoding)));
	return proxy_head_add(&x->response, span_text("accept-ranges"), span_text("bytes"));
}

static enum err send_multipart(struct proxy_exchange *x, struct files_held *h,
			       const struct file_answer *answer, struct proxy_verdict *ret)
{
	char buf[128];
	struct writer w = writer_of(buf, sizeof(buf));
	memcpy(h->ranges, answer->ranges, sizeof(h->ranges));
	h->ranges_n = answer->ranges_n;
	TRY(multipart_begin(h, x));
	write_text(&w, "multipart/byteranges; boundary=");
	write_text(&w, h->boundary);
	TRY(add_text(x, "content-type", &w));
	ret->kind = PROXY_SOURCE;
	ret->source = &h->source;
	x->response.has_length = true;
	x->response.length =
		range_multipart_len(h->boundary, h->type, h->ranges, h->ranges_n, h->size);
	return OK;
}

static enum err send_file(struct proxy_exchange *x, struct files_held *h,
			  const struct file_answer *answer, struct proxy_verdict *ret)
{
	char buf[96];
	struct writer w = writer_of(buf, sizeof(buf));
	const struct range *r = answer->ranges_n ? &answer->ranges[0] : NULL;
	x->response.status = (uint16_t)answer->status;
	ret->kind = PROXY_ANSWER;
	ret->answer = (struct span){0};
	if (answer->status == 416 || r)
		range_write_content_range(&w, answer->status == 416 ? NULL : r, h->size);
	if (answer->ranges_n > 1)
		return send_multipart(x, h, answer, ret);
	if (w.pos)
		TRY(add_text(x, "content-range", &w));
	if (answer->status != 200 && answer->status != 206)
		return OK;
	ret->kind = PROXY_FILE;
	ret->file.fd = h->fd;
	ret->file.offset = r ? r->first : 0;
	ret->file.len = r ? r->last - r->first + 1 : h->size;
	return proxy_head_add(&x->response, span_text("content-type"), h->type);
}

static struct file_asked conditions_of(const struct proxy_head *h)
{
	return (struct file_asked){.get = h->method_id == PROXY_GET,
				   .if_match = field(h, HTTP_FIELD_IF_MATCH),
				   .if_none_match = field(h, HTTP_FIELD_IF_NONE_MATCH),
				   .if_modified_since = field(h, HTTP_FIELD_IF_MODIFIED_SINCE),
				   .if_unmodified_since = field(h, HTTP_FIELD_IF_UNMODIFIED_SINCE),
				   .if_range = field(h, HTTP_FIELD_IF_RANGE),
				   .range = field(h, HTTP_FIELD_RANGE)};
}

static enum err answer(struct proxy_exchange *x, const struct asked *a, struct opened *o,
		       uint64_t now_s, struct files_held *h, struct proxy_verdict *ret)
{
	char etag[FILE_ETAG_MAX];
	size_t len = file_etag(o->file.size, o->file.mtime_ns, o->file.inode, o->coding, etag);
	const struct file_facts facts = {o->file.size, o->file.mtime_ns / 1000000000, now_s,
					 span_of(etag, len)};
	const struct file_asked asked = conditions_of(a->request);
	struct file_answer answer;
	file_judge(&asked, &facts, &answer);
	*h = (struct files_held){.fd = o->fd, .size = o->file.size};
	h->type = span_text(mime_of(span_text(a->name)));
	TRY(add_fields(x, a, o, facts.etag));
	return send_file(x, h, &answer, ret);
}

/* "/docs" is a folder: "/docs/", so that what its pages name by relative paths lies in it. */
static unsigned redirect_to_folder(const struct route_request *r, struct proxy_exchange *x,
				   struct proxy_verdict *ret)
{
	/* Two slashes in front would be another host. */
	struct span path = r->facts.path;
	size_t size = path.len + r->facts.query.len + 2;
	uint8_t *at = size <= PROXY_BUFFER_SIZE ? proxy_exchange_alloc(x, size) : NULL;
	struct writer w = writer_of(at, at ? size : 0);
	write_span(&w, path);
	write_u8(&w, '/');
	if (r->facts.query.len) {
		write_u8(&w, '?');
		write_span(&w, r->facts.query);
	}
	ret->kind = PROXY_ANSWER;
	x->response.status = 301; /* as all web servers; there is no method but GET and HEAD */
	return w.bad || proxy_head_add(&x->response, span_text("location"), writer_span(&w)) ? 500
											     : 0;
}

unsigned files_answer(const struct files_roots *roots, struct route_request *r,
		      struct proxy_exchange *x, uint64_t now_s, struct files_held **ret_held,
		      struct proxy_verdict *ret)
{
	const struct route *route = r->found.route;
	struct asked a = {&route->files, roots->fds[route->number], &x->request, "", false};
	struct opened o = {.fd = -1};
	struct span path;
	bool moved = false;
	proxy_head_reset(&x->response);
	if (x->request.method_id != PROXY_GET && x->request.method_id != PROXY_HEAD)
		return 405;
	if (a.root < 0 || route_request_path(r, x, &path) || file_name(path, a.name))
		return 404;
	a.folder = path.data[path.len - 1] == '/';
	unsigned status = status_of(open_asked(&a, &o, &moved));
	if (status)
		return status;
	if (moved)
		return redirect_to_folder(r, x, ret);
	if (a.conf->compressed)
		open_compressed(&a, &o);
	struct files_held *h = proxy_exchange_alloc(x, sizeof(*h));
	if (!h || answer(x, &a, &o, now_s, h, ret)) {
		fd_done(&o.fd);
		return 500;
	}
	*ret_held = h;
	return 0;
}

void files_leave(struct files_held *h)
{
	if (h)
		fd_done(&h->fd);
}
