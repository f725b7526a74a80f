/* What the files that walk a tree share: how they tell what differs from the schema. Knows no
 * type of value. */
#ifndef CONFIG_WALK_INNER_H
#define CONFIG_WALK_INNER_H

#include "config/walk.h"

/* What stands in the file, for "found …". buf holds it when it is a scalar. */
const char *config_found_text(const struct yaml_node *n, char buf[CONFIG_ERROR_TEXT_MAX]);

/* The value is of another kind than the key wants. */
void config_tell_kind(const struct config_walk *w, const struct config_key *key,
		      const struct yaml_node *node, bool list);
void config_tell_complaint(const struct config_walk *w, const struct config_key *key,
			   const struct yaml_node *node, const struct config_complaint *c);
void config_tell_twice(const struct config_walk *w, const struct yaml_node *again,
		       const struct yaml_node *before, bool secret);

/* Tells which keys of the map are there twice. */
void config_judge_entries(struct config_walk *w, const struct yaml_node *node);

/* n items' storage; NULL after an error that was told, and for none. */
void *config_list_begin(struct config_walk *w, const struct config_key *key, uint32_t offset,
			size_t n, struct config_list *list);

/* A map whose keys are words of key->table. */
void config_walk_table(struct config_walk *w, const struct config_key *key,
		       const struct yaml_node *node, struct config_list *list);

#endif
