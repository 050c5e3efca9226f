"""Files of the RockNet repository that loaders use: where they are, and their SHA-256 sums.

Liao et al. (2023), MIT licence, (c) 2022 tso1257771.
"""

# The last commit of the authors' public repository.
BASE_URL = (
    "https://raw.githubusercontent.com/tso1257771/RockNet/"
    "4195a0728448465fedf9ffcb31a4cc7864dd3637/"
)

# Folder here: folder there.
FOLDERS = {
    "luhu/sac_2020.088.13": "Luhu_pred_ex/sac/2020.088.13",
    "luhu/published_2020.088.13": "Luhu_pred_ex/net_pred/2020.088.13",
}
_MODELS = ("fusion_RF_60s", "net_fusion_RF_60s", "net_fusion_RF_60s_noINSTANCE", "wf_RF_60s")
for _model in _MODELS:
    FOLDERS[f"rocknet/{_model}"] = f"trained_model/{_model}"
    FOLDERS[f"rocknet/published_scores/{_model}"] = f"benchmark/pred_results/{_model}"

# Folder: sum and name of each file.
_SUMS = {
    "rocknet/net_fusion_RF_60s": """
febc2cc62caeff3ea1122f37701135d582389950466eebb94c50d6a33d964c04  train.hdf5
""",
    "rocknet/net_fusion_RF_60s_noINSTANCE": """
39a65b059890bbbb69d7b187680a62a190f26bac1b48ab280beb57249dda6962  train.hdf5
""",
    "rocknet/wf_RF_60s": """
201e6827941ee3e3918739a9731bb8bd9cc13896fceaa40f98dfa846bc5461fc  train.hdf5
""",
    "luhu/sac_2020.088.13": """
af6994b0977c6cb637703f0738ea9c6460039189b69776dbf458bd3e32ce1a85  TW.LH01.EHE.00.2020.088.13.sac
7a6c7305a7daccc65471e38df72e2de83cc870b250c55491eefcf9eec184601a  TW.LH01.EHN.00.2020.088.13.sac
e69fb726fdc47bb2306c2c582e8f60480cbbc711f42a30bbce6e08d4d68f423b  TW.LH01.EHZ.00.2020.088.13.sac
4ffd5c7f59f39fd0a9407c4c1a0a8b87cfcdbebfe90607a7a45bf61458f8a438  TW.LH02.EHE.00.2020.088.13.sac
bd6c067eed5638db230ffbc894079691b4485a430a63bd3352b2e926a23b7c8d  TW.LH02.EHN.00.2020.088.13.sac
90c63d724a9f4ab068f4486ed87b8e1d331c527c7473da5b619f035ffa9a5834  TW.LH02.EHZ.00.2020.088.13.sac
2d46b3698215717f579601fb3ab5a9f60c4ce9b2959a57e5a20e3a90e471d025  TW.LH03.EHE.00.2020.088.13.sac
9c8c5546d52297f9dc060183449d68821cced4eefc3ab5b7c54f56f091563bf4  TW.LH03.EHN.00.2020.088.13.sac
31fd3c429b50d545d3db79bf5232f4e7d6dc21d9965542ec6fd7a970d93ef8d9  TW.LH03.EHZ.00.2020.088.13.sac
2841a3dcc8ae2aae5817ad40432e850e8d422f5878d8a55d29dfa91c1c6870d3  TW.LH04.EHE.00.2020.088.13.sac
292a0e4e785bff315178ea39257c3e36babbf9dea59f1c7abea5e8009fad373c  TW.LH04.EHN.00.2020.088.13.sac
54858bd41b43904eb88739618e3692c4a4f3d826e1a954a54b0af9a5f515ec6a  TW.LH04.EHZ.00.2020.088.13.sac
084f250b5dfe24a4bd777cdde5cfc9f952f3397de65959474cf8086a3662bb33  TW.LH05.EHE.00.2020.088.13.sac
66648fbdb5fadfd985bcb586896ac9cf6e7b370e63a2578abc78967de299d282  TW.LH05.EHN.00.2020.088.13.sac
194a1cd8f731adefa2c1104d66f6e2cd90d2afdfdecf9438a6e5fd3acdd52168  TW.LH05.EHZ.00.2020.088.13.sac
""",
    "luhu/published_2020.088.13": """
14ac968889df0d7adbe5467a4560763c21cc0509dd92fe10b25687bf6afc8b65  LH01.2020.088.13.sac.P
6cf2963260a4cce13e7df46e0ff6db59cac2e788df0c34862f6df1b2707bd1b5  LH01.2020.088.13.sac.S
71c2fc5a94dafe758bd8189fe1ae63cd96fc5b8abb333878947f447a2619b16f  LH01.2020.088.13.sac.eqmask
1e31d7928ed02a80e3ba19c23315c904aaa9bf9abbf593954ab690a9df30cfa8  LH01.2020.088.13.sac.rfmask
7aa41fbc6249aeea8ea54e424e1961697e8ece406d365ce8d75bc3368fe0e6f4  LH02.2020.088.13.sac.P
718e33de326a117b8e15c7c236d6d89a317f72d6ed0c352e015a9cd9c878802a  LH02.2020.088.13.sac.S
201cda8518e41b99661629d14f19c32fb7414cb2c308c5aabccc84a4569110b3  LH02.2020.088.13.sac.eqmask
41b9d010c752370cb3c798477e6f7d5571410e7e6660e1711c8baf774bbb1b63  LH02.2020.088.13.sac.rfmask
aa8e6247776b94c889aee6d085e457ad031abdd08b9c8dfa912e01b8950e978f  LH03.2020.088.13.sac.P
dde447f757b504a2ae13918b7bd865d63bff77d1ad86c40dca85308aa789db55  LH03.2020.088.13.sac.S
b1aa345da33e9ee7e7452bcce870d13de26613bd68ffbc3227910825b5477487  LH03.2020.088.13.sac.eqmask
58a71d50837f46272d1a04d5f256bf0999ec5e1b3b339c8a1a50a95fcb36be56  LH03.2020.088.13.sac.rfmask
ce4257a7018e605e60023a27b0262289151b222b4f0df62389d885e54b58d43b  LH04.2020.088.13.sac.P
c8d1553f242e2f5c18dde02af2a78075ec88341f3bcc7dfc9ae8ecf700fb90b1  LH04.2020.088.13.sac.S
5fd56490c3e7a68fd3c3f79d11d1564b6b2820bc8ffac986c8a1949623368512  LH04.2020.088.13.sac.eqmask
07e5ca74a4f6a44cc0fa56ca16fdea62f10f71bc1f35e7d0c26d0b253d55a0c4  LH04.2020.088.13.sac.rfmask
a8205b528ca5f5c4806e2c0f4d04a8a1fa0450a3640e0ee2467674b11e77b639  Luhu.2020.088.13.sac.eqocc
cb2c07e852ff227efb4624731f13750c48153bb11ff05459c14252a6e1432100  Luhu.2020.088.13.sac.rfocc
""",
    "rocknet/published_scores/fusion_RF_60s": """
540bf14aec185e3d24c624898d8c5612d16709507bd42d30056536d449b62629  SingSta_pred_earthquake.txt
9a590b08dcec0ed34508cd7e911cb9a73fe5bb2c89cf9914f2c36582ec51a0a3  SingSta_pred_nz_car.txt
8d5189b49b2777938426fa6203560fdce3175a14cd3e73e0401afe70ed789493  SingSta_pred_nz_engineering.txt
7740f291c94c5fd57ed6bd0ca67e152af4a4c2549444730a659b071e2ecd99fa  SingSta_pred_rockfall.txt
""",
    "rocknet/published_scores/net_fusion_RF_60s": """
5bb14b15168bb3bb37696a17fca1bb22915e000b1d68da05a8400a43ec2288e8  Association_pred_earthquake.txt
422e491acb0a3a4ad8a78f6bdade17094dd83f5992418ae91e5e4a5c762f7069  Association_pred_nz_car.txt
97a823d80e8ff6c69bb245d4faca275064c02188bf894152bd869c779bcae35a  Association_pred_nz_engineering.txt
2891e4633ce5459792b34d36de621242b8b7391c2d3a2706b9c68b6a4d953d56  Association_pred_rockfall.txt
""",  # noqa: E501
    "rocknet/published_scores/net_fusion_RF_60s_noINSTANCE": """
d43179e6aa192497a79a12109c29d68553197172250326b299bfb32c24674234  Association_pred_earthquake.txt
0064af6e1425c92bcef29e8063e421e97514fa188ae2b0d1ef264f2612e2da4d  Association_pred_nz_car.txt
6705ca0c217e3458d54c4282f6f7b323248770785250ef6677acb43abb93fda0  Association_pred_nz_engineering.txt
abb1f997d97b7c8f804f1a1b5015d3960e1abb61b2683fed6b39fda6df0f0fe0  Association_pred_rockfall.txt
""",  # noqa: E501
    "rocknet/published_scores/wf_RF_60s": """
70a48bc1e95d2e9f0fbcbe4a503c9e72ea0dfed5e989f1c40737988d5a1434a5  SingSta_pred_earthquake.txt
942880d696ef0f9524111773bf1981af913b0f6536701813f60113e14365d523  SingSta_pred_nz_car.txt
4f75b2c5e7233d3a1556b7461e06ae93b9f055b94a2b31ab21e9c1db515cc4bc  SingSta_pred_nz_engineering.txt
837a808deb50239e62e30e7c2b01e5060e778204e55155810ee59f0f77dc0e9b  SingSta_pred_rockfall.txt
""",
}

SHA256 = {
    f"{folder}/{name}": sha256
    for folder, lines in _SUMS.items()
    for sha256, name in (line.split() for line in lines.split("\n") if line.strip())
}
