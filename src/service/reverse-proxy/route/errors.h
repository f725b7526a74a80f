/* Pages for statuses of errors: which one a status has. Knows neither files nor who answers. */
#ifndef REVERSE_PROXY_ROUTE_ERRORS_H
#define REVERSE_PROXY_ROUTE_ERRORS_H

#include "base/err.h"
#include "base/span.h"

struct error_page {
	uint16_t first, last; /* of the statuses it is for */
	bool servers;	      /* also in place of what back ends say */
	const char *file;     /* whose bytes are `body`, once it was read; NULL: they are there */
	const char *type;     /* media type */
	struct span body;
};

struct error_pages {
	struct error_page *items;
	size_t n;
};

/* "404", "500-599": statuses from 400 to 599. ERR_FORMAT. */
MUST enum err error_statuses_read(const char *text, uint16_t *ret_first, uint16_t *ret_last);

/* The page of the narrowest range that has the status, of equal ones the first; NULL: none. server:
 * a back end said the status. */
const struct error_page *error_page_find(const struct error_pages *pages, unsigned status,
					 bool server);

#endif
