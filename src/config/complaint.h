/* What is wrong with one value of the configuration, without its place. Knows no type. */
#ifndef CONFIG_COMPLAINT_H
#define CONFIG_COMPLAINT_H

#include <stddef.h>

enum { CONFIG_PHRASE_MAX = 512 };

/* Empty strings are left out. */
struct config_complaint {
	char message[256]; /* after "value of 'KEY' "; empty: it is just of another type */
	char expected[CONFIG_PHRASE_MAX];
	char suggestion[128];
};

#endif
