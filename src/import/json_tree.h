/* JSON with comments, as other programs' configurations have it, as a tree of nodes with their
 * lines. Knows no program. */
#ifndef IMPORT_JSON_TREE_H
#define IMPORT_JSON_TREE_H

#include "config/source.h"
#include "config/yaml.h"

struct import_site;

struct json_tree {
	char *text; /* the file with blanks for comments; owned */
	struct config_source source;
	struct yaml_tree yaml; /* JSON is YAML but for its comments and tabs */
};

/* Comments: # and // to the end of the line, and C's. ERR_FORMAT: it is no JSON; a note on the site
 * says where. ENOMEM. */
MUST enum err json_tree_read(struct span text, struct import_site *s, struct json_tree *ret);
void json_tree_done(struct json_tree *t); /* accepts zeroed storage */

/* NULL: the map has no such key, or n is no map (or NULL). */
const struct yaml_node *json_tree_get(const struct json_tree *t, const struct yaml_node *n,
				      const char *key);
/* The first item of the list n, NULL when it is none; then yaml_next. */
const struct yaml_node *json_tree_items(const struct json_tree *t, const struct yaml_node *n);
/* The text of a scalar below key; empty: none. */
struct span json_tree_text(const struct json_tree *t, const struct yaml_node *n, const char *key);
/* 0: no such number. */
uint64_t json_tree_number(const struct json_tree *t, const struct yaml_node *n, const char *key);
bool json_tree_true(const struct json_tree *t, const struct yaml_node *n, const char *key);
uint32_t json_tree_line(const struct json_tree *t, const struct yaml_node *n); /* n NULL: 0 */

#endif
