"""Which targets belong to which version of OTB, and what makes each hard.

These are facts that the authors published with the benchmark (Wu et al., Object Tracking Benchmark,
TPAMI 2015; lists tb_50, tb_100 and cvpr13 of their toolkit).
"""

from __future__ import annotations

from typing import NamedTuple

# In the order of the benchmark's own files of flags (anno/att/NAME.txt).
ATTRIBUTES = ("IV", "OPR", "SV", "OCC", "DEF", "MB", "FM", "IPR", "OV", "BC", "LR")


class Target(NamedTuple):
    """One of the 100 targets.

    Attributes:
        versions: "a" if it is in OTB-50, "b" if it is in OTB-2013.
        attributes: Its codes, in the order of the publication.
    """

    versions: str
    attributes: tuple[str, ...]


# Name, versions ("-" if OTB-100 alone has it), attributes.
_TABLE = """
Basketball ab IV OCC DEF OPR BC
Biker a SV OCC MB FM OPR OV LR
Bird1 a DEF FM OV
Bird2 - OCC DEF FM IPR OPR
BlurBody a SV DEF MB FM IPR
BlurCar1 - MB FM
BlurCar2 a SV MB FM
BlurCar3 - MB FM
BlurCar4 - MB FM
BlurFace a MB FM IPR
BlurOwl a SV MB FM IPR
Board - SV MB FM OPR OV BC
Bolt ab OCC DEF IPR OPR
Bolt2 - DEF BC
Box a IV SV OCC MB IPR OPR OV BC LR
Boy b SV MB FM IPR OPR
Car1 a IV SV MB FM BC LR
Car2 - IV SV MB FM BC
Car24 - IV SV BC
Car4 ab IV SV
CarDark ab IV BC
CarScale ab SV OCC FM IPR OPR
ClifBar a SV OCC MB FM IPR OV BC
Coke b IV OCC FM IPR OPR BC
Couple ab SV DEF FM OPR BC
Coupon - OCC BC
Crossing b SV DEF FM OPR BC
Crowds a IV DEF BC
Dancer - SV DEF IPR OPR
Dancer2 - DEF
David ab IV SV OCC DEF MB IPR OPR
David2 b IPR OPR
David3 b OCC DEF OPR BC
Deer ab MB FM IPR BC LR
Diving a SV DEF IPR
Dog - SV DEF OPR
Dog1 b SV IPR OPR
Doll b IV SV OCC IPR OPR
DragonBaby a SV OCC MB FM IPR OPR OV
Dudek ab SV OCC DEF FM IPR OPR OV BC
FaceOcc1 b OCC
FaceOcc2 b IV OCC IPR OPR
Fish b IV
FleetFace b SV DEF MB FM IPR OPR
Football ab OCC IPR OPR BC
Football1 b IPR OPR BC
Freeman1 b SV IPR OPR
Freeman3 b SV IPR OPR
Freeman4 ab SV OCC IPR OPR
Girl ab SV OCC IPR OPR
Girl2 - SV OCC DEF MB OPR
Gym - SV DEF IPR OPR
Human2 - IV SV MB OPR
Human3 a SV OCC DEF OPR BC
Human4 a IV SV OCC DEF
Human5 - SV OCC DEF
Human6 a SV OCC DEF FM OPR OV
Human7 - IV SV OCC DEF MB FM
Human8 - IV SV DEF
Human9 a IV SV DEF MB FM
Ironman ab IV SV OCC MB FM IPR OPR OV BC LR
Jogging-1 b OCC DEF OPR
Jogging-2 b OCC DEF OPR
Jump a SV OCC DEF MB FM IPR OPR
Jumping ab MB FM
KiteSurf - IV OCC IPR OPR
Lemming b IV SV OCC FM OPR OV
Liquor ab IV SV OCC MB FM OPR OV BC
Man - IV
Matrix ab IV SV OCC FM IPR OPR BC
Mhyang b IV DEF OPR BC
MotorRolling ab IV SV MB FM IPR BC LR
MountainBike b IPR OPR BC
Panda a SV OCC DEF IPR OPR OV LR
RedTeam a SV OCC IPR OPR LR
Rubik - SV OCC IPR OPR
Shaking ab IV SV IPR OPR BC
Singer1 b IV SV OCC OPR
Singer2 ab IV DEF IPR OPR BC
Skater - SV DEF IPR OPR
Skater2 - SV DEF FM IPR OPR
Skating1 ab IV SV OCC DEF OPR BC
Skating2-1 a SV OCC DEF FM OPR
Skating2-2 a SV OCC DEF FM OPR
Skiing ab IV SV DEF IPR OPR
Soccer ab IV SV OCC MB FM IPR OPR BC
Subway b OCC DEF BC
Surfer a SV FM IPR OPR LR
Suv b OCC IPR OV
Sylvester ab IV IPR OPR
Tiger1 b IV OCC DEF MB FM IPR OPR
Tiger2 ab IV OCC DEF MB FM IPR OPR OV
Toy - SV FM IPR OPR
Trans - IV SV OCC DEF
Trellis ab IV SV IPR OPR BC
Twinnings - SV OPR
Vase - SV FM IPR
Walking ab SV OCC DEF
Walking2 ab SV OCC LR
Woman ab IV SV OCC DEF MB FM OPR
"""


def _parse(line):
    name, versions, *attributes = line.split()
    return name, Target(versions.strip("-"), tuple(attributes))


TARGETS: dict[str, Target] = dict(map(_parse, _TABLE.strip().splitlines()))
