/* Static files: from a route's folder to the core's verdict. Knows neither which route a request
 * takes nor who may see it. */
#ifndef REVERSE_PROXY_ROUTE_IO_FILES_H
#define REVERSE_PROXY_ROUTE_IO_FILES_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct proxy_exchange;
struct proxy_verdict;
struct route;
struct route_request;

/* Open folders of the routes that have one; immutable, any thread. */
struct files_roots;

/* A folder that is not there is told by log and answers 404: the others' routes go on. ENOMEM. */
MUST enum err files_roots_new(const struct route *routes, size_t n, struct files_roots **ret);
void files_roots_free(struct files_roots *r); /* accepts NULL */

/* What an exchange holds of a file, in its storage; NULL: nothing. */
struct files_held;

/* The answer for a request of a route with ROUTE_FILES into x->response and *ret. 0, or the status
 * of an error page: 403, 404, 405, 500. *ret_held: to be given to files_leave when the exchange is
 * done; untouched with a status. */
unsigned files_answer(const struct files_roots *roots, struct route_request *r,
		      struct proxy_exchange *x, uint64_t now_s, struct files_held **ret_held,
		      struct proxy_verdict *ret);
void files_leave(struct files_held *h); /* accepts NULL */

#endif
