/* A configuration in nginx's language as a tree of directives, with what it includes. Knows no
 * directive but `include`, and opens no file itself. */
#ifndef IMPORT_NGINX_TREE_H
#define IMPORT_NGINX_TREE_H

#include "base/err.h"
#include "base/span.h"

struct import_site;

enum {
	NGINX_DEPTH_MAX = 32,	  /* of blocks, and of includes */
	NGINX_FILES_MAX = 4096,	  /* included */
	NGINX_ARGUMENTS_MAX = 256 /* of a directive */
};

struct nginx_directive {
	struct nginx_directive *next, *parent;
	struct span name;
	const struct span *args; /* args_n; without quotes and escapes */
	size_t args_n;
	struct nginx_directive *first, *last; /* of its block */
	uint32_t line, file; /* file: place in the site's files, 0: the first one */
	bool block;
	bool used; /* it was carried over, or a note says that it was not */
};

/* Files that a configuration names. Each call is given the pattern as it stands there. call: for
 * each file, in the order of their names; its texts are borrowed until it returns. ENOENT: there is
 * none, or it cannot be read. */
struct nginx_files {
	void *arg;
	enum err (*read)(void *arg, struct span pattern,
			 enum err (*call)(void *call_arg, struct span path, struct span text),
			 void *call_arg);
};

/* ret: a directive without a name, whose block is the file. All is of the site's arena. files:
 * NULL: none is read, each include is a note. ERR_FORMAT: it is not in that language; the last note
 * says where. */
MUST enum err nginx_tree_read(struct import_site *s, struct span text,
			      const struct nginx_files *files, struct nginx_directive **ret);

/* The first of that name in the block itself; NULL: none. It is used then. */
struct nginx_directive *nginx_own(const struct nginx_directive *block, const char *name);
/* The next of the same name beside d. */
struct nginx_directive *nginx_same(const struct nginx_directive *d);
/* In the block, or the nearest of those around it: as nginx inherits. */
struct nginx_directive *nginx_find(const struct nginx_directive *block, const char *name);
/* The argument of that number, empty when there are fewer. */
struct span nginx_arg(const struct nginx_directive *d, size_t i);
/* An argument that begins so: what is behind it. */
bool nginx_option(const struct nginx_directive *d, const char *prefix, struct span *ret);
bool nginx_has(const struct nginx_directive *d, const char *word);

__attribute__((format(printf, 3, 4))) void
nginx_note(struct import_site *s, struct nginx_directive *d, const char *format, ...);

#endif
