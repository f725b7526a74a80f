/* Pages in place of errors, as the configuration has them. Reads no file. */
#ifndef REVERSE_PROXY_CONF_ERRORS_H
#define REVERSE_PROXY_CONF_ERRORS_H

#include "config/schema.h"

struct arena;
struct error_pages;

enum { REVERSE_ERRORS_MAX = 64 };

struct reverse_error_conf {
	const char *status;	 /* "404", "500-599" */
	const char *file, *text; /* one of them */
	const char *type;	 /* NULL: by the file's name, or plain text */
	bool servers;
};

extern const struct config_map reverse_error_map;

/* errors: of struct reverse_error_conf. Bodies of files are empty: io_errors.h reads them. ENOMEM.
 */
MUST enum err reverse_error_pages(struct arena *a, const struct config_list *errors,
				  struct error_pages *ret);

#endif
