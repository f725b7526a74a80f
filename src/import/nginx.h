/* nginx's configuration, read into a section `reverse-proxy` of ours. Opens no file itself. */
#ifndef IMPORT_NGINX_H
#define IMPORT_NGINX_H

#include "import/nginx_tree.h"

struct out_node;

/* notes: an initialised site that holds everything read, and what could not be carried over, in the
 * order of files and lines; all else of it stays empty. files: what `include` and passwords are
 * read by. ret: a whole configuration for out_write, borrowed from notes. ERR_FORMAT: it is not in
 * nginx's language, or has no server in it; the last note says where. ENOMEM; ERR_LIMIT: longer
 * than IMPORT_FILE_MAX. */
MUST enum err import_nginx(struct span text, const struct nginx_files *files,
			   struct import_site *notes, struct out_node **ret);

#endif
