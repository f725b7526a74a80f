/* What of an imported site can stand in our configuration: reservations with an identity and an
 * address of their network, ranges inside of theirs, classes that say who is in them. Knows no
 * file's syntax, and not ours. */
#ifndef IMPORT_JUDGE_H
#define IMPORT_JUDGE_H

struct import_site;

/* Writes texts as ours has them, leaves out what it cannot have, and notes each. To be called once,
 * when reservations are in their networks. */
void import_judge(struct import_site *s);

#endif
