/* Pages in place of errors: their files, and the answers they are put into. Knows no route's
 * reasons.
 */
#ifndef REVERSE_PROXY_IO_ERRORS_H
#define REVERSE_PROXY_IO_ERRORS_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct proxy_exchange;
struct proxy_verdict;
struct reverse_exchange;
struct reverse_routes;

/* Bytes of the files of all pages; each is read once. */
struct reverse_page_files;

/* Fills the pages of all routes. ENOMEM; ERR_CONFIG: a file cannot be read, as the log says. */
MUST enum err reverse_errors_read(struct reverse_routes *routes, struct reverse_page_files **ret);
void reverse_errors_free(struct reverse_page_files *f); /* accepts NULL */

/* The folders of these files, which the sandbox must let be read; *ret_n of them, borrowed. */
const char *const *reverse_errors_folders(const struct reverse_page_files *f, size_t *ret_n);

/* x->response, whose status is known, is an answer of our own: gets the page of its status, if it
 * has one. e NULL: it has none. */
void reverse_error_page(const struct reverse_exchange *e, struct proxy_exchange *x,
			struct proxy_verdict *ret);

/* x->response is a server's. True: it is our page by now, to be sent instead. */
bool reverse_error_replaces(const struct reverse_exchange *e, struct proxy_exchange *x,
			    struct proxy_verdict *ret);

#endif
