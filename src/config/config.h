/* A configuration file's text to typed structs by a schema, with every error at once and its place.
 * Opens no file itself, knows no service, and keeps no text. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/err.h"
#include "base/span.h"
#include "config/schema.h"

struct config;
struct config_global;
struct config_report;
struct writer;

#define CONFIG_TEXT_MAX	  (16U << 20) /* octets of a file */
#define CONFIG_NODES_MAX  1000000     /* scalars, lists and maps of a file */
#define CONFIG_DEPTH_MAX  32
#define CONFIG_SECRET_MAX 4096
#define CONFIG_PATH_MAX	  4096 /* octets with the NUL */

struct config_input {
	struct span text;      /* of the file; the caller wipes it where it may hold secrets */
	const char *file_name; /* as errors shall show it; relative paths begin at its folder */
	/* Reads the file at path (a secret's) into buf; ERR_LIMIT when it is longer than size.
	 * NULL: file: secrets are refused. */
	enum err (*read_file)(void *arg, const char *path, uint8_t *buf, size_t size,
			      size_t *ret_len);
	void *arg; /* for read_file */
};

/* Reads the whole text. ERR_CONFIG: report has at least one error and *ret is untouched; ENOMEM.
 * Anchors, aliases, tags, directives and a second document are refused. */
MUST enum err config_parse(const struct config_sections *sections, const struct config_input *input,
			   struct config **ret, struct config_report *report);

/* The struct that the section's map describes; NULL when the file lacks the section: the service is
 * not configured. A section without a value (`resolver:`) has its defaults. */
const void *config_section(const struct config *c, const char *name);

/* The section of all services; defaults where the file lacks it. Never NULL. */
const struct config_global *config_global(const struct config *c);

/* The line of the file where the section's name stands, from 1; 0 when it lacks the section. */
uint32_t config_section_line(const struct config *c, const char *name);

/* One more who uses it, in whatever thread; each gives it back by config_free. */
struct config *config_ref(struct config *c);

/* By the last who uses it: wipes all that it frees, secrets with it (not what libfyaml copied while
 * it read a secret that was written into the file itself: file:PATH avoids that). Accepts NULL. */
void config_free(struct config *c);
DEFINE_AUTO(struct config, config_free)

#endif
