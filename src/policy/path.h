/* The part of an Adblock line that is about paths, behind its name: /ads/a*.gif, ^*&banner=. Made
 * once into a few octets, and held against readings of url.h. Knows no names and no lists.
 *
 * It begins with a slash, or with ^ where a slash would be, and fits what begins so. * is any
 * octets, ^ one that ends a word (none of letters, digits, _ - . %) or the end, | at its end the
 * end. Case is passed by unless POLICY_PATH_CASE says otherwise. */
#ifndef POLICY_PATH_H
#define POLICY_PATH_H

#include "base/span.h"

struct writer;

enum {
	POLICY_PATH_MAX = 255, /* octets, as made */
	POLICY_PATH_STARS_MAX = 8,
	POLICY_PATH_ANCHOR_SLASHES = 16,
	/* Of one look-up: comparisons of octets for all paths together. A thousand paths take no
	 * more of an address as people have them; lines that somebody made for it would. */
	POLICY_PATH_STEPS_MAX = 1 << 20,
};

/* The first octet of what is made. */
enum policy_path_flag {
	POLICY_PATH_CASE = 1 << 0,   /* case counts */
	POLICY_PATH_CLEAR = 1 << 1,  /* of http only */
	POLICY_PATH_SECURE = 1 << 2, /* of https only */
	POLICY_PATH_FLAGS = 7,
};

enum policy_path_fit {
	POLICY_PATH_FITS_NOT,
	POLICY_PATH_FITS,
	POLICY_PATH_UNSURE, /* the steps were not enough */
};

/* *ret: a view of room. false: it is none, or too long. */
bool policy_path_read(struct span text, unsigned flags, uint8_t room[POLICY_PATH_MAX],
		      struct span *ret);

/* Could policy_path_read have made it? */
bool policy_path_is_valid(struct span path);

/* Has it stars that cost a search? One at its end does not. */
bool policy_path_has_stars(struct span path);

/* What everything that it fits begins with, up to a slash, and with at most
 * POLICY_PATH_ANCHOR_SLASHES of them; never empty. */
struct span policy_path_anchor(struct span path);

/* *steps is what is left of POLICY_PATH_STEPS_MAX. */
enum policy_path_fit policy_path_fits(struct span path, struct span reading, bool secure,
				      uint32_t *steps);

/* The text, with escapes where it must have them. At most 3 * POLICY_PATH_MAX octets. */
void policy_path_write(struct span path, struct writer *w);

/* The label under which lines with that anchor lie in the table (form.h). */
enum { POLICY_PATH_LABEL_LEN = 12 };
void policy_path_label(struct span anchor, uint8_t ret[POLICY_PATH_LABEL_LEN]);
/* name: wire form without the root label. */
static inline bool policy_path_is_labelled(struct span name)
{
	return name.len > POLICY_PATH_LABEL_LEN && name.data[0] == POLICY_PATH_LABEL_LEN - 1 &&
	       name.data[1] == '/';
}

#endif
