#include "service/reverse-proxy/io_errors.h"

#include "os/file.h"
#include "os/log.h"
#include "proxy/exchange.h"
#include "service/reverse-proxy/conf_route.h"
#include "service/reverse-proxy/io_exchange.h"
#include "service/reverse-proxy/io_snapshot.h"
#include "service/reverse-proxy/io_worker.h"
#include "service/reverse-proxy/route/errors.h"

#include <stdlib.h>

enum { FILE_MAX = 1 << 20, FILES_MAX = 1024 };

struct page_file {
	const char *path; /* borrowed from the configuration */
	char *folder, *bytes;
	size_t len;
};

struct reverse_page_files {
	struct page_file *items;
	const char **folders;
	size_t n;
};

void reverse_errors_free(struct reverse_page_files *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->n; i++) {
		free(f->items[i].folder);
		free(f->items[i].bytes);
	}
	free(f->items);
	free(f->folders);
	free(f);
}

static enum err read_one(const char *path, struct page_file *ret)
{
	enum err e = file_read(path, FILE_MAX, &ret->bytes, &ret->len);
	if (e) {
		log_error("a page of `errors` cannot be read", LOG_TEXT("file", path), LOG_ERR(e));
		return e == (enum err)ENOMEM ? e : ERR_CONFIG;
	}
	ret->path = path;
	ret->folder = file_folder(path);
	return ret->folder ? OK : (enum err)ENOMEM;
}

static enum err page_read(struct reverse_page_files *f, struct error_page *p)
{
	size_t i = 0;
	while (i < f->n && strcmp(f->items[i].path, p->file) != 0)
		i++;
	if (i == FILES_MAX) {
		log_error("`errors` name too many files", LOG_U64("most", FILES_MAX));
		return ERR_CONFIG;
	}
	if (i == f->n) {
		struct page_file one = {0};
		enum err e = read_one(p->file, &one);
		if (e) {
			free(one.bytes);
			return e;
		}
		f->folders[f->n] = one.folder;
		f->items[f->n++] = one;
	}
	p->body = span_of(f->items[i].bytes, f->items[i].len);
	return OK;
}

static enum err pages_read(struct reverse_page_files *f, struct error_pages *pages)
{
	for (size_t i = 0; i < pages->n; i++)
		if (pages->items[i].file)
			TRY(page_read(f, &pages->items[i]));
	return OK;
}

enum err reverse_errors_read(struct reverse_routes *routes, struct reverse_page_files **ret)
{
	struct reverse_page_files *f = calloc(1, sizeof(*f));
	if (!f)
		return ENOMEM;
	f->items = calloc(FILES_MAX, sizeof(*f->items));
	f->folders = calloc(FILES_MAX, sizeof(*f->folders));
	enum err e = f->items && f->folders ? OK : (enum err)ENOMEM;
	for (size_t i = 0; !e && i < routes->errors_n; i++)
		e = pages_read(f, &routes->errors[i]);
	if (e)
		reverse_errors_free(f);
	else
		*ret = f;
	return e;
}

const char *const *reverse_errors_folders(const struct reverse_page_files *f, size_t *ret_n)
{
	*ret_n = f->n;
	return f->folders;
}

static const struct error_page *page_of(const struct reverse_exchange *e, unsigned status,
					bool server)
{
	const struct reverse_routes *routes = e->view->snapshot->site->routes;
	const struct route *route = e->route.found.route;
	/* 0 is the section's. */
	return error_page_find(&routes->errors[route ? route->errors : 0], status, server);
}

static void put(const struct error_page *page, struct proxy_exchange *x, struct proxy_verdict *ret)
{
	ret->kind = PROXY_ANSWER;
	ret->answer = page->body;
	/* Of a full head the page goes without its type. */
	err_ignore(proxy_head_set(&x->response, span_text("content-type"), span_text(page->type)));
}

void reverse_error_page(const struct reverse_exchange *e, struct proxy_exchange *x,
			struct proxy_verdict *ret)
{
	const struct error_page *page = e ? page_of(e, x->response.status, false) : NULL;
	if (page)
		put(page, x, ret);
}

bool reverse_error_replaces(const struct reverse_exchange *e, struct proxy_exchange *x,
			    struct proxy_verdict *ret)
{
	/* What tells of the page that is not sent (RFC 9110 8, RFC 9530). */
	static const char *const of_page[] = {
		"content-encoding", "content-language",	   "content-location",
		"content-range",    "content-disposition", "content-md5",
		"content-digest",   "repr-digest",	   "etag",
		"last-modified",    "accept-ranges",	   "trailer"};
	const struct error_page *page = page_of(e, x->response.status, true);
	if (!page)
		return false;
	for (size_t i = 0; i < sizeof(of_page) / sizeof(of_page[0]); i++)
		(void)proxy_head_remove_name(&x->response, span_text(of_page[i]));
	x->response.reason = (struct span){0};
	put(page, x, ret);
	return true;
}
