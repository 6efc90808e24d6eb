"""Files of the form of the Anime recommendations, with made-up rows.

Three files: ratings from 1 to 10, where -1 stands for one who watched and did not
rate; titles with lists of genres such as "Action, Comedy" and episodes that may be
"Unknown"; users, with tabs.
"""

import csv
import random
from pathlib import Path
from typing import Any

GENRES = ["Action", "Comedy", "Slice of Life", "Sci-Fi"]
RATINGS, TITLES, USERS = 3000, 70, 100
NOT_RATED = -1


def write(folder: Path) -> list[dict[str, Any]]:
    """Writes the files, and returns what is rated, joined.

    Args:
        folder: where the files are put.

    Returns:
        Of each rating that is one, in the order of the file: user, anime, label,
        genres, kind, episodes (None if unknown) and gender (None if it is not told).
    """
    draw = random.Random(3)
    titles = {
        100 + n: (
            f'Title "{n}"; part 2, ★',
            draw.sample(GENRES, draw.randint(1, 3)),
            draw.choice(["TV", "Movie", "OVA"]),
            None if n % 25 == 0 else draw.randint(1, 60),
        )
        for n in range(TITLES)
    }
    genders = {n: draw.choice(["Female", "Male", None]) for n in range(1, USERS + 1)}
    rated = [
        (
            draw.choice([*genders]),
            draw.choice([*titles]),
            draw.choice([NOT_RATED, 4, 6, 7, 8, 9, 10]),
        )
        for _ in range(RATINGS)
    ]
    with (folder / "rating.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("user_id", "anime_id", "rating"), *rated])
    with (folder / "anime.csv").open("w", newline="", encoding="utf-8") as file:
        written = csv.writer(file, lineterminator="\n")
        written.writerow("anime_id name genre type episodes members".split())
        for number, (name, genres, kind, episodes) in titles.items():
            known = "Unknown" if episodes is None else episodes
            written.writerow([number, name, ", ".join(genres), kind, known, 1000])
    with (folder / "users.tsv").open("w", encoding="utf-8") as file:
        print("Mal ID\tUsername\tGender", file=file)
        for user, gender in genders.items():
            print(f"{user}\tünser_{user}\t{gender or ''}", file=file)
    return [
        {
            "user": str(user),
            "anime": str(anime),
            "label": float(rating >= 8),
            "genres": titles[anime][1],
            "kind": titles[anime][2],
            "episodes": titles[anime][3],
            "gender": genders[user],
        }
        for user, anime, rating in rated
        if rating != NOT_RATED
    ]
