/* The texts of Vary by which variants on the disk are told apart, by their hashes: so that of a key
 * only what matches a request is read. Bounded, and what is not known is read to find out. Knows no
 * file; one thread at a time.
 */
#ifndef HTTP_CACHE_DISK_NAMES_H
#define HTTP_CACHE_DISK_NAMES_H

#include "base/err.h"
#include "base/span.h"

enum { DISK_NAMES_MAX = 256 }; /* sites agree upon few */

struct disk_names {
	struct {
		uint32_t hash;
		uint32_t len;
		char *text; /* owned; NULL: empty */
	} items[DISK_NAMES_MAX];
	size_t n;
};

/* False: it is not known. Borrowed until _done. */
MUST bool disk_names_find(const struct disk_names *names, uint32_t hash, struct span *ret);
/* Without memory, or with too many, it is not. The first one of a hash stays: of another one
 * nothing is found, and its server is asked. */
void disk_names_learn(struct disk_names *names, uint32_t hash, struct span text);
void disk_names_done(struct disk_names *names); /* accepts zeroed storage */

#endif
