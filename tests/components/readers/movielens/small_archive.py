"""The members of a small archive in the format of MovieLens-100K."""

FOLDER = "recbole/dataset_example/ml-100k/"
SMALL = {
    "ml-100k.user": (
        "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n"
        "u1\t24\tM\twriter\t85711\nu2\t55\tF\tother\tT8\n"
    ),
    "ml-100k.item": (
        "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
        "m1\tToy Story\t1995\tAnimation Children's Comedy\n"
        "m2\tLand Before Time III (1995)\tV\t\nm3\tMisérables, Les\t1995\tDrama\n"
    ),
    "ml-100k.inter": (
        "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
        "u1\tm2\t4\t100\nu1\tm1\t3\t100\nu2\tm1\t5\t200\nu2\tm2\t2\t300\n"
    ),
}
